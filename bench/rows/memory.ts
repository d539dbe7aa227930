import type { Program } from "../../tests/demo/server.ts";
import { type Bench, exec, type Rows } from "../harness.ts";
import { figure } from "../numbers.ts";
import type { Result } from "../table.ts";
import { moveBothWays } from "../transfers.ts";

const ROUNDS = 3;
const BYTES = 200_000_000;

/** Resident memory of the server's process: code of the runtime included. */
export const memoryRows: Rows = {
  name: "memory",
  about: "memory after the start, after a command, and after 200 MB both ways",
  async measure(bench) {
    const results: Result[] = [];
    for (const { name, program } of await bench.programs()) {
      results.push(...await measureProgram(bench, name, program));
    }
    return results;
  },
};

async function measureProgram(bench: Bench, name: string, program: Program): Promise<Result[]> {
  const samples = { start: [] as number[], command: [] as number[], files: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    await using server = await bench.startServer({ program });
    await server.tools();
    samples.start.push(residentMegabytes(server.pid));
    await exec(server, "true");
    samples.command.push(residentMegabytes(server.pid));
    await moveBothWays(bench, server, BYTES);
    samples.files.push(residentMegabytes(server.pid));
  }
  const row = (what: string, values: readonly number[]) =>
    ({ what: `memory ${what}, ${name}`, unit: "MB", ours: figure(values) }) as const;
  return [
    { ...row("after start", samples.start), aim: { of: "value", most: 100 } },
    row("after the first command", samples.command),
    row("after 200 MB both ways", samples.files),
  ];
}

/** Returns the resident memory of a process. */
export function residentMegabytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const [, kibibytes] = /^VmRSS:\s*(\d+) kB$/m.exec(status) ?? [];
  return Number(kibibytes) * 1024 / 1_000_000;
}
