import { randomBytes } from "node:crypto";
import type { Server } from "../../tests/demo/server.ts";
import { CURL, peer } from "../../tests/peers/require.ts";
import { type Bench, interleave, type Rows, timed } from "../harness.ts";
import { startNginx } from "../nginx.ts";
import { figure, median } from "../numbers.ts";
import { requirePeers } from "../peer_missing.ts";
import { runProgram, timedCurl } from "../programs.ts";
import type { Result } from "../table.ts";
import { randomContent } from "../transfers.ts";

const ROUNDS = 7;
const FILE_BYTES = 200_000_000;
const ENTRIES = 1_000;
const ENTRY_BYTES = 100_000;
const ZIP = peer("zip", "/usr/bin/zip");

/** Files and directories behind download links, fetched with curl. Making the link is not measured. */
export const linksRows: Rows = {
  name: "links",
  about: "links fetched with curl: local against nginx, host against sftp, archive against zip",
  async measure(bench) {
    requirePeers(CURL, ZIP);
    const env = { DOWNLOAD_MAX_SIZE: String(2 * FILE_BYTES) };
    await using server = await bench.startServer({ env });
    return [
      await localFile(bench, server),
      await hostFile(bench, server),
      ...await localDirectory(bench, server),
    ];
  },
};

async function localFile({ local }: Bench, server: Server): Promise<Result> {
  await using nginx = await startNginx(local);
  await Deno.writeFile(`${local}/large.bin`, randomContent(FILE_BYTES));
  const got = `${local}/got.bin`;
  const { ours, theirs } = await interleave(ROUNDS, {
    ours: async () => await timedCurl(await link(server, { path: "large.bin" }), got, FILE_BYTES),
    theirs: () => timedCurl(`${nginx.url}/large.bin`, got, FILE_BYTES),
  });
  await removeAll(got, `${local}/large.bin`);
  return {
    what: "link to a local file of 200 MB, against nginx",
    unit: "MB/s",
    ours: speed(ours, FILE_BYTES),
    theirs: speed(theirs, FILE_BYTES),
    aim: { of: "ratio", least: 0.7 },
  };
}

async function hostFile(bench: Bench, server: Server): Promise<Result> {
  const path = `${bench.remote}/large.bin`;
  await Deno.writeFile(path, randomContent(FILE_BYTES), { mode: 0o644 });
  await using openSsh = await bench.openSsh();
  const got = `${bench.local}/got.bin`;
  const { ours, theirs, connecting } = await interleave(ROUNDS, {
    ours: async () =>
      await timedCurl(await link(server, { path, source: "host" }), got, FILE_BYTES),
    theirs: async () => {
      await Deno.remove(got);
      return await timed(() => openSsh.sftp(`get ${path} ${got}`));
    },
    connecting: () => timed(() => openSsh.sftp("pwd")),
  });
  await removeAll(got, path);
  return {
    what: "link to a file of 200 MB on the host, against `sftp get`",
    unit: "MB/s",
    ours: speed(ours, FILE_BYTES),
    theirs: speed(theirs, FILE_BYTES, median(connecting)),
    aim: { of: "ratio", least: 0.8 },
  };
}

async function localDirectory({ local }: Bench, server: Server): Promise<Result[]> {
  const directory = `${local}/tree`;
  await Deno.mkdir(directory);
  for (let count = 0; count < ENTRIES; count++) {
    await Deno.writeFile(`${directory}/${count}.bin`, randomBytes(ENTRY_BYTES));
  }
  const got = `${local}/got.zip`;
  const zip = (level: number) => async () => {
    await Deno.remove(got);
    // A pipe, so that zip cannot go back and has to stream as well.
    const line = `cd '${directory}' && zip -q -${level} -r - . | cat > '${got}'`;
    return await timed(() => runProgram("sh", ["-c", line]));
  };
  const { ours, stored, deflated } = await interleave(ROUNDS, {
    ours: async () =>
      await timedCurl(await link(server, { path: "tree" }), got, ENTRIES * ENTRY_BYTES),
    stored: zip(0),
    deflated: zip(6),
  });
  await removeAll(got, directory);
  const bytes = ENTRIES * ENTRY_BYTES;
  const row = (level: number, theirs: readonly number[]): Result => ({
    what: `link to a directory, 1,000 x 100 kB, against \`zip -${level}\``,
    unit: "MB/s",
    ours: speed(ours, bytes),
    theirs: speed(theirs, bytes),
  });
  return [row(0, stored), row(6, deflated)];
}

async function link(server: Server, args: Readonly<Record<string, unknown>>): Promise<string> {
  const { data, text, isError } = await server.call("generate_download_link", args);
  if (isError) throw new Error(`The link was not made:\n${text}`);
  return String(data.download_url);
}

const speed = (ms: readonly number[], bytes: number, offMs = 0) =>
  figure(ms.map((each) => bytes / 1_000 / Math.max(each - offMs, 0.1)));

async function removeAll(...paths: readonly string[]): Promise<void> {
  for (const path of paths) await Deno.remove(path, { recursive: true });
}
