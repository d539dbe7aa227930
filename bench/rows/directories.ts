import { startDelayProxy } from "../../tests/peers/delay_proxy.ts";
import { type Server } from "../../tests/demo/server.ts";
import { type Bench, interleave, type Rows, timed } from "../harness.ts";
import { figure, median } from "../numbers.ts";
import type { OpenSsh } from "../openssh.ts";
import type { Result } from "../table.ts";
import { randomContent } from "../transfers.ts";

const ROUND_TRIP_MS = 20;

/** Many small files far away, next to the faster of `rsync -a` and `tar | ssh` through a shared connection. */
export const directoriesRows: Rows = {
  name: "directories",
  about: `200 files of 4 kB both ways, at ${ROUND_TRIP_MS} ms of round-trip time`,
  async measure(bench) {
    const link = { targetPort: bench.sshd.port, oneWayMs: ROUND_TRIP_MS / 2 };
    await using ourLink = startDelayProxy(link);
    await using theirLink = startDelayProxy(link);
    await using server = await bench.startServer({ port: ourLink.port });
    await using openSsh = await bench.openSsh(theirLink.port);
    const what = "200 files of 4 kB, 20 ms away";
    return await measure(bench, server, openSsh, { files: 200, bytes: 4_000, rounds: 15, what });
  },
};

/** One gigabyte, next to the same programs. */
export const gigabyteRows: Rows = {
  name: "gigabyte",
  about: "a directory of 1 GB both ways",
  async measure(bench) {
    await using server = await bench.startServer();
    await using openSsh = await bench.openSsh();
    const plan = { files: 100, bytes: 10_000_000, rounds: 3, what: "100 files of 10 MB" };
    return await measure(bench, server, openSsh, plan);
  },
};

interface Plan {
  readonly files: number;
  readonly bytes: number;
  readonly rounds: number;
  readonly what: string;
}

async function measure(
  bench: Bench,
  server: Server,
  openSsh: OpenSsh,
  { files, bytes, rounds, what }: Plan,
): Promise<Result[]> {
  const paths = await prepare(bench, files, bytes);
  await ours(server, "upload", paths.local, paths.arrived);
  const samples = await interleave(rounds, {
    ourPut: () => fresh(paths.arrived, () => ours(server, "upload", paths.local, paths.arrived)),
    rsyncPut: () => fresh(paths.arrived, () => openSsh.rsync(paths.local, `:${paths.arrived}`)),
    tarPut: () => fresh(paths.arrived, () => openSsh.tarTo(paths.local, paths.arrived)),
    ourGet: () => fresh(paths.fetched, () => ours(server, "download", paths.fetched, paths.remote)),
    rsyncGet: () => fresh(paths.fetched, () => openSsh.rsync(`:${paths.remote}`, paths.fetched)),
    tarGet: () => fresh(paths.fetched, () => openSsh.tarFrom(paths.remote, paths.fetched)),
  });
  for (const path of Object.values(paths)) await Deno.remove(path, { recursive: true });
  // A speed, so that a larger one is better and the aim is a least ratio.
  const speed = (ms: readonly number[]) => figure(ms.map((each) => files * bytes / 1_000 / each));
  const row = (
    direction: string,
    our: readonly number[],
    rsync: readonly number[],
    tar: readonly number[],
  ): Result => ({
    what: `${direction} of ${what} (${median(rsync) < median(tar) ? "rsync -a" : "tar over ssh"})`,
    unit: "MB/s",
    ours: speed(our),
    theirs: speed(median(rsync) < median(tar) ? rsync : tar),
    aim: { of: "ratio", least: 0.8 },
  });
  return [
    row("upload", samples.ourPut, samples.rsyncPut, samples.tarPut),
    row("download", samples.ourGet, samples.rsyncGet, samples.tarGet),
  ];
}

async function prepare({ local, remote }: Bench, files: number, bytes: number) {
  const paths = {
    local: `${local}/tree`,
    arrived: `${remote}/arrived`,
    remote: `${remote}/tree`,
    fetched: `${local}/fetched`,
  };
  for (let index = 0; index < files; index++) {
    const content = randomContent(bytes);
    for (const top of [paths.local, paths.remote]) {
      const directory = `${top}/section ${index % 10}`.replace(" ", "_");
      await Deno.mkdir(directory, { recursive: true });
      await Deno.writeFile(`${directory}/page${index}.html`, content);
    }
  }
  return paths;
}

async function fresh(path: string, work: () => Promise<unknown>): Promise<number> {
  await Deno.remove(path, { recursive: true }).catch(() => {}); // it is not there in the first round
  return await timed(work);
}

/** @throws Error unless everything arrived */
async function ours(
  server: Server,
  direction: "upload" | "download",
  local_path: string,
  remote_path: string,
): Promise<void> {
  const { data, text } = await server.call(`ssh_${direction}_directory`, {
    local_path,
    remote_path,
  });
  if (data.success !== true || data.sent === 0) {
    throw new Error(`The ${direction} has failed:\n${text}`);
  }
}
