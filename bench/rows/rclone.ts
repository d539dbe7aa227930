import type { Server } from "../../tests/demo/server.ts";
import { peer } from "../../tests/peers/require.ts";
import { type Bench, interleave, type Rows, timed } from "../harness.ts";
import { figure, median } from "../numbers.ts";
import { requirePeers } from "../peer_missing.ts";
import { runProgram } from "../programs.ts";
import type { Result } from "../table.ts";
import { download, prepare, removeAll, upload } from "../transfers.ts";

const ROUNDS = 7;
const BYTES = 200_000_000;
const RCLONE = peer("rclone", "/usr/bin/rclone");

/** A large file both ways, next to a program that compares checksums too. */
export const rcloneRows: Rows = {
  name: "rclone",
  about: "upload and download of 200 MB, against rclone copyto, which verifies too",
  async measure(bench) {
    requirePeers(RCLONE);
    await using server = await bench.startServer();
    return await measure(bench, server);
  },
};

async function measure(bench: Bench, server: Server): Promise<Result[]> {
  const files = await prepare(bench, BYTES);
  await upload(server, files);
  const fresh = async (path: string, work: () => Promise<void>) => {
    await Deno.remove(path).catch(() => {}); // it is not there in the first round
    return await timed(work);
  };
  const { local, arrived, remote, fetched } = files;
  const samples = await interleave(ROUNDS, {
    ourPut: () => fresh(arrived, () => upload(server, files)),
    theirPut: () => fresh(arrived, () => rclone(bench, "copyto", local, `:sftp:${arrived}`)),
    ourGet: () => fresh(fetched, () => download(server, files)),
    theirGet: () => fresh(fetched, () => rclone(bench, "copyto", `:sftp:${remote}`, fetched)),
    connecting: () => timed(() => rclone(bench, "lsf", `:sftp:${remote}`)),
  });
  await removeAll(files);
  const connectingMs = median(samples.connecting);
  const speed = (ms: readonly number[], offMs = 0) =>
    figure(ms.map((each) => BYTES / 1_000 / Math.max(each - offMs, 0.1)));
  const row = (what: string, our: readonly number[], their: readonly number[]): Result => ({
    what: `${what} of 200 MB, against \`rclone copyto\``,
    unit: "MB/s",
    ours: speed(our),
    theirs: speed(their, connectingMs),
    aim: { of: "ratio", least: 1 },
  });
  return [
    row("upload", samples.ourPut, samples.theirPut),
    row("download", samples.ourGet, samples.theirGet),
  ];
}

/** Its connection is new each time. */
async function rclone({ sshd }: Bench, command: string, ...paths: string[]): Promise<void> {
  const options = {
    "--config": "/dev/null",
    "--sftp-host": sshd.host,
    "--sftp-port": String(sshd.port),
    "--sftp-user": sshd.username,
    "--sftp-key-file": sshd.keyPath,
    "--sftp-known-hosts-file": sshd.knownHostsPath,
    "--sftp-shell-type": "unix",
  };
  await runProgram("rclone", [command, ...Object.entries(options).flat(), ...paths]);
}
