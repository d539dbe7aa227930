import { randomBytes } from "node:crypto";
import type { Server } from "../tests/demo/server.ts";
import { type Bench, interleave, timed } from "./harness.ts";
import { figure, median } from "./numbers.ts";
import type { OpenSsh } from "./openssh.ts";
import type { Aim, Result } from "./table.ts";

/** What is moved, how often, and with what aim. */
export interface TransferPlan {
  readonly bytes: number;
  readonly rounds: number;
  /** Where it is measured, for the table. */
  readonly where?: string;
  readonly aim?: Aim;
}

/** Both ways of a file, next to `sftp -b` with its connection time taken off. */
export async function measureTransfers(
  bench: Bench,
  server: Server,
  openSsh: OpenSsh,
  { bytes, rounds, where = "", aim }: TransferPlan,
): Promise<Result[]> {
  const files = await prepare(bench, bytes);
  // The connection is open and SFTP is warm before anything is measured.
  await upload(server, files);
  const samples = await interleave(rounds, {
    ourPut: () => fresh(files.arrived, () => upload(server, files)),
    theirPut: () => fresh(files.arrived, () => openSsh.sftp(`put ${files.local} ${files.arrived}`)),
    ourGet: () => fresh(files.fetched, () => download(server, files)),
    theirGet: () =>
      fresh(files.fetched, () => openSsh.sftp(`get ${files.remote} ${files.fetched}`)),
    connecting: () => timed(() => openSsh.sftp("pwd")),
  });
  await removeAll(files);
  const size = `${bytes / 1_000_000} MB${where}`;
  const connectingMs = median(samples.connecting);
  const speed = (ms: readonly number[], offMs = 0) =>
    figure(ms.map((each) => bytes / 1_000 / Math.max(each - offMs, 0.1)));
  const goal = aim === undefined ? {} : { aim };
  return [
    {
      what: `upload of ${size}`,
      unit: "MB/s",
      ours: speed(samples.ourPut),
      theirs: speed(samples.theirPut, connectingMs),
      ...goal,
    },
    {
      what: `download of ${size}`,
      unit: "MB/s",
      ours: speed(samples.ourGet),
      theirs: speed(samples.theirGet, connectingMs),
      ...goal,
    },
  ];
}

/** A file on each side, and where its copy arrives on the other. */
export interface Files {
  /** What goes up, and where it arrives. */
  readonly local: string;
  readonly arrived: string;
  /** What comes down, and where it arrives. */
  readonly remote: string;
  readonly fetched: string;
}

/** Writes the files that are moved. */
export async function prepare({ local, remote }: Bench, bytes: number): Promise<Files> {
  const files = {
    local: `${local}/source.bin`,
    arrived: `${remote}/arrived.bin`,
    remote: `${remote}/source.bin`,
    fetched: `${local}/fetched.bin`,
  };
  const content = randomContent(bytes);
  await Deno.writeFile(files.local, content);
  await Deno.writeFile(files.remote, content, { mode: 0o644 });
  return files;
}

/** Not the same byte twice in a row: a file of zeros may be stored in other ways. */
export function randomContent(bytes: number): Uint8Array {
  const block = randomBytes(Math.min(bytes, 1_000_000));
  const content = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += block.length) {
    content.set(block.subarray(0, Math.min(block.length, bytes - at)), at);
  }
  return content;
}

/** Both sides make a new file each time; replacing one costs the removal of its pages. */
async function fresh(path: string, work: () => Promise<unknown>): Promise<number> {
  await Deno.remove(path).catch(() => {}); // it is not there in the first round
  return await timed(work);
}

/** Moves files of this size to the host and from it. */
export async function moveBothWays(bench: Bench, server: Server, bytes: number): Promise<void> {
  const files = await prepare(bench, bytes);
  await upload(server, files);
  await download(server, files);
  await removeAll(files);
}

/** Removes the files and their copies. */
export async function removeAll(files: Files): Promise<void> {
  for (const path of Object.values(files)) await Deno.remove(path);
}

/** @throws Error unless the host's sha256 agrees */
export async function upload(server: Server, { local, arrived }: Files): Promise<void> {
  const paths = { local_path: local, remote_path: arrived, overwrite: true };
  const { data, text } = await server.call("ssh_upload_file", paths);
  if (data.verified !== "sha256") throw new Error(`The upload has failed:\n${text}`);
}

/** @throws Error unless the host's sha256 agrees */
export async function download(server: Server, { remote, fetched }: Files): Promise<void> {
  const paths = { local_path: fetched, remote_path: remote, overwrite: true };
  const { data, text } = await server.call("ssh_download_file", paths);
  if (data.verified !== "sha256") throw new Error(`The download has failed:\n${text}`);
}
