import { delay } from "../../src/async/delay.ts";
import { startDelayProxy } from "../../tests/peers/delay_proxy.ts";
import type { Server } from "../../tests/demo/server.ts";
import { startEcho } from "../echo.ts";
import { type Bench, exec, interleave, type Rows, timed } from "../harness.ts";
import { figure, median } from "../numbers.ts";
import type { Result } from "../table.ts";
import { residentMegabytes } from "./memory.ts";

const ROUND_TRIP_MS = 20;
const POLLS = 50;
const LISTED = 200;
const LARGE_BYTES = 5_000_000_000;

/** Jobs on the host: starting, polling, the end of a large output, and a long list. */
export const jobsRows: Rows = {
  name: "jobs",
  about: "start of a job, 50 polls at 1 MB/s, the end of 5 GB, a list of 200",
  async measure(bench) {
    return [
      ...await measureStart(bench),
      ...await measurePolls(bench),
      ...await measureTail(bench),
      ...await measureList(bench),
    ];
  },
};

async function start(server: Server, command: string): Promise<string> {
  const { data, text } = await server.call("ssh_start_job", { command });
  if (typeof data.job_id !== "string") throw new Error(text);
  return data.job_id;
}

async function read(server: Server, args: Readonly<Record<string, unknown>>) {
  const { data, text, isError } = await server.call("ssh_job_output", args);
  if (isError) throw new Error(text);
  return { next: Number(data.next), isRunning: data.running === true };
}

async function measureStart(bench: Bench): Promise<Result[]> {
  await using near = await bench.startServer();
  await using link = startDelayProxy({ targetPort: bench.sshd.port, oneWayMs: ROUND_TRIP_MS / 2 });
  await using far = await bench.startServer({ port: link.port });
  await using echo = await startEcho(ROUND_TRIP_MS / 2);
  for (const server of [near, far]) await exec(server, "true");
  const { near: here, bare, exec: commands, job } = await interleave(25, {
    near: () => timed(() => start(near, "true")),
    bare: () => timed(() => echo.roundTrip()),
    exec: () => timed(() => exec(far, "true")),
    job: () => timed(() => start(far, "true")),
  });
  const trips = (ms: readonly number[]) => figure(ms.map((each) => each / median(bare)));
  const where = `, ${ROUND_TRIP_MS} ms away`;
  return [
    { what: "start a job, p50", unit: "ms", ours: figure(here) },
    { what: `start a job${where}`, unit: "round trips", ours: trips(job) },
    {
      what: `the same, more than an exec`,
      unit: "round trips",
      ours: figure([(median(job) - median(commands)) / median(bare)]),
      aim: { of: "value", most: 1 },
    },
  ];
}

async function measurePolls(bench: Bench): Promise<Result[]> {
  await using link = startDelayProxy({ targetPort: bench.sshd.port, oneWayMs: 1 });
  const env = { CHARACTER_LIMIT: "2000000" };
  await using server = await bench.startServer({ port: link.port, env });
  const line = `${"x".repeat(99)}\\n`;
  const second = `i=0; while [ $i -lt 1000 ]; do printf '${line.repeat(10)}'; i=$((i+1)); done`;
  const job_id = await start(server, `while :; do ${second}; sleep 0.8; done`);
  let { next } = await read(server, { job_id });
  const before = { next, moved: link.traffic().bytes.to_client };
  const samples: number[] = [];
  for (let poll = 0; poll < POLLS; poll++) {
    await delay(200);
    const from = next;
    samples.push(await timed(async () => void ({ next } = await read(server, { job_id, from }))));
  }
  const moved = link.traffic().bytes.to_client - before.moved;
  await server.call("ssh_stop_job", { job_id });
  return [
    { what: "poll of a job that prints 1 MB/s", unit: "ms", ours: figure(samples) },
    {
      what: `${POLLS} polls: bytes moved`,
      unit: "per new byte",
      ours: figure([moved / (next - before.next)]),
      aim: { of: "value", most: 1.1 },
    },
  ];
}

async function measureTail(bench: Bench): Promise<Result[]> {
  await using server = await bench.startServer();
  const job_id = await start(server, "echo begun; sleep 600");
  const path = `${bench.sshd.home}/.local/state/mcp-remote-exec/jobs/${job_id}/stdout`;
  const file = await Deno.open(path, { write: true });
  // The beginning takes no space on the disk.
  await file.truncate(LARGE_BYTES);
  await file.seek(-50_000, Deno.SeekMode.End);
  for (let line = 0; line < 500; line++) {
    await file.write(new TextEncoder().encode(`${String(line).padStart(99)}\n`));
  }
  file.close();
  await read(server, { job_id, from: LARGE_BYTES });
  const before = residentMegabytes(server.pid);
  const samples: number[] = [];
  for (let round = 0; round < 15; round++) {
    samples.push(await timed(() => read(server, { job_id, tail_lines: 100 })));
  }
  const grown = residentMegabytes(server.pid) - before;
  await server.call("ssh_stop_job", { job_id });
  return [
    {
      what: "the last 100 lines of 5 GB",
      unit: "ms",
      ours: figure(samples),
      aim: { of: "value", most: 300 },
    },
    {
      what: "the same, more memory of the server",
      unit: "MB",
      ours: figure([Math.max(0, grown)]),
      aim: { of: "value", most: 8 },
    },
  ];
}

async function measureList(bench: Bench): Promise<Result[]> {
  await using server = await bench.startServer();
  const { data } = await server.call("ssh_list_jobs", {});
  const count = Array.isArray(data.jobs) ? data.jobs.length : 0;
  for (let more = count; more < LISTED; more += 10) {
    await Promise.all(Array.from({ length: 10 }, () => start(server, "true")));
  }
  const samples: number[] = [];
  for (let round = 0; round < 15; round++) {
    samples.push(await timed(() => server.call("ssh_list_jobs", {})));
  }
  return [{
    what: `list of ${LISTED} jobs`,
    unit: "ms",
    ours: figure(samples),
    aim: { of: "value", most: 500 },
  }];
}
