import { exec, interleave, type Rows, timed } from "../harness.ts";
import { figure } from "../numbers.ts";

const CALLS = 20;

/** More commands at once than a host allows on one connection. */
export const parallelRows: Rows = {
  name: "parallel",
  about: `${CALLS} concurrent \`sleep 0.2\``,
  async measure(bench) {
    await using server = await bench.startServer();
    await using openSsh = await bench.openSsh();
    const all = (call: () => Promise<unknown>) => timed(() => Promise.all(repeated(call)));
    await exec(server, "true");
    const { ours, theirs } = await interleave(7, {
      ours: () => all(() => exec(server, "sleep 0.2")),
      theirs: () => all(() => openSsh.exec("sleep 0.2")),
    });
    const what = `${CALLS} concurrent \`sleep 0.2\``;
    return [{ what, unit: "ms", ours: figure(ours), theirs: figure(theirs) }];
  },
};

const repeated = (call: () => Promise<unknown>) => Array.from({ length: CALLS }, call);
