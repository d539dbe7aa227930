import { environmentOf, execOn, startHosts } from "../many_hosts.ts";
import { type Bench, exec, interleave, type Rows, timed } from "../harness.ts";
import { figure } from "../numbers.ts";
import type { Result } from "../table.ts";
import type { Sshd } from "../../tests/peers/sshd.ts";
import type { Server } from "../../tests/demo/server.ts";
import { residentMegabytes } from "./memory.ts";
import { OPENINGS, timeToLastAnswer } from "./start.ts";

const HOSTS = 20;
const WORKERS = 8;
const WARM = { MAX_HOST_WORKERS: String(HOSTS) };
const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** A worker that is idle is ended after 5 minutes, by a check every 30 seconds. */
const IDLE_MS = 6 * 60_000;
/** A worker gives back what its start has left behind. */
const SETTLED_MS = 8_000;

/** Many hosts, each with a worker of its own, next to one host. */
export const hostsRows: Rows = {
  name: "hosts",
  about: `exec on one of ${HOSTS} hosts, first call to a host, all hosts at once`,
  async measure(bench) {
    await using sshds = await startHosts(HOSTS);
    return [
      ...await execRows(bench, sshds),
      ...await firstRows(bench, sshds),
      ...await fleetRows(bench, sshds),
      ...await startOfManyRows(bench, sshds),
    ];
  },
};

/** What workers of hosts cost, and that they are given back. It waits for six minutes. */
export const idleHostsRows: Rows = {
  name: "idle",
  about: `memory with the workers of ${WORKERS} hosts, and after they were idle (six minutes)`,
  async measure(bench) {
    await using sshds = await startHosts(WORKERS);
    const program = await lastProgram(bench);
    await using server = await bench.startServer({
      env: environmentOf(bench, { sshds }),
      ...(program && { program }),
    });
    await runOnAll(server, sshds);
    await delay(SETTLED_MS);
    const busy = residentMegabytes(server.pid);
    await delay(IDLE_MS);
    const idle = residentMegabytes(server.pid);
    return [
      {
        what: `memory with the workers of ${WORKERS} hosts`,
        unit: "MB",
        ours: figure([busy]),
        aim: { of: "value", most: 260 },
      },
      {
        what: "memory after they were idle",
        unit: "MB",
        ours: figure([idle]),
        aim: { of: "value", most: 120 },
      },
    ];
  },
};

/** The binary where there is one. */
const lastProgram = async (bench: Bench) => (await bench.programs()).at(-1)?.program;

const startWith = (bench: Bench, sshds: readonly Sshd[], env?: Record<string, string>) =>
  bench.startServer({ env: environmentOf(bench, { sshds, ...(env && { env }) }) });

async function runOnAll(server: Server, sshds: readonly Sshd[]): Promise<void> {
  for (const at of sshds.keys()) await execOn(server, `h${at}`);
}

async function execRows(bench: Bench, sshds: readonly Sshd[]): Promise<Result[]> {
  await using one = await bench.startServer();
  await using many = await startWith(bench, sshds, WARM);
  await runOnAll(many, sshds);
  const streak = (call: () => Promise<void>, samples: number[]) => async () => {
    for (let count = 0; count < 10; count++) samples.push(await timed(call));
    return 0;
  };
  const alone: number[] = [];
  const among: number[] = [];
  for (let count = 0; count < 50; count++) await exec(one, "true");
  for (let count = 0; count < 50; count++) await execOn(many, "h7");
  await interleave(30, {
    alone: streak(() => exec(one, "true"), alone),
    among: streak(() => execOn(many, "h7"), among),
  });
  return [{
    what: `exec \`true\` on one of ${HOSTS} hosts (other column: the only host)`,
    unit: "ms",
    ours: figure(among),
    theirs: figure(alone),
    aim: { of: "ratio", most: 1.1 },
  }];
}

async function firstRows(bench: Bench, sshds: readonly Sshd[]): Promise<Result[]> {
  await using server = await startWith(bench, sshds, WARM);
  await server.tools();
  const first: number[] = [];
  for (const at of sshds.keys()) first.push(await timed(() => execOn(server, `h${at}`)));
  return [{ what: "first exec on a host of several", unit: "ms", ours: figure(first) }];
}

/** The time with 500 hosts, next to that with two. */
async function startOfManyRows(bench: Bench, sshds: readonly Sshd[]): Promise<Result[]> {
  const program = await lastProgram(bench);
  const start = (count: number) => {
    const env = environmentOf(bench, { sshds, count });
    return timeToLastAnswer(
      bench.serverStart({ env, ...(program && { program }) }),
      OPENINGS.initialize,
    );
  };
  for (const count of [2, 500]) await start(count);
  const { many, two } = await interleave(12, { many: () => start(500), two: () => start(2) });
  return [{
    what: "start to tools/list with 500 hosts (other column: two)",
    unit: "ms",
    ours: figure(many),
    theirs: figure(two),
  }];
}

async function fleetRows(bench: Bench, sshds: readonly Sshd[]): Promise<Result[]> {
  const sleepOnAll = async (server: Server) => {
    const hosts = ["h*"];
    const { data } = await server.call("ssh_exec_on_hosts", { hosts, command: "sleep 1" });
    if (data.success !== true) throw new Error("A host has failed");
  };
  await using warm = await startWith(bench, sshds, WARM);
  await runOnAll(warm, sshds);
  await using cold = await startWith(bench, sshds);
  await cold.tools();
  const what = `\`sleep 1\` on ${HOSTS} hosts`;
  return [
    {
      what: `${what}, warm`,
      unit: "ms",
      ours: figure([await timed(() => sleepOnAll(warm))]),
      aim: { of: "value", most: 4_000 },
    },
    {
      what: `${what}, cold, ${WORKERS} workers`,
      unit: "ms",
      ours: figure([await timed(() => sleepOnAll(cold))]),
      aim: { of: "value", most: 10_000 },
    },
  ];
}
