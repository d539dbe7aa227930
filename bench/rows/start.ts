import type { Program } from "../../tests/demo/server.ts";
import { type Bench, interleave, type Rows } from "../harness.ts";
import { figure } from "../numbers.ts";

/** How long a client waits for the tools. */
export const startRows: Rows = {
  name: "start",
  about: "cold start to the answer of tools/list, from source and from the binary",
  async measure(bench) {
    const programs = await bench.programs();
    const work = programs.map(({ name, program }) => [name, () => start(bench, program)] as const);
    // The first start after a change compiles the sources and reads the file from the disk.
    for (const [, once] of work) await once();
    const samples = await interleave(12, Object.fromEntries(work));
    return programs.map(({ name, program }) => ({
      what: `start to tools/list, ${name}`,
      unit: "ms",
      ours: figure(samples[name] ?? []),
      ...(program.args.length > 0 ? {} : { aim: { of: "value", most: 150 } }),
    }));
  },
};

async function start(bench: Bench, program: Program): Promise<number> {
  const startedAt = performance.now();
  await using server = await bench.startServer({ program });
  await server.tools();
  return performance.now() - startedAt;
}
