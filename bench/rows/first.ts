import { type Bench, exec, interleave, type Rows, timed } from "../harness.ts";
import { figure } from "../numbers.ts";

/** The first command of a fresh server, login included, next to `ssh` with a new connection. */
export const firstRows: Rows = {
  name: "first",
  about: "first exec, with the connection and login",
  async measure(bench) {
    await using openSsh = await bench.openSsh();
    const { ours, theirs } = await interleave(8, {
      ours: () => firstExec(bench),
      theirs: () => timed(() => openSsh.execAlone("true")),
    });
    return [{ what: "first exec", unit: "ms", ours: figure(ours), theirs: figure(theirs) }];
  },
};

async function firstExec(bench: Bench): Promise<number> {
  await using server = await bench.startServer();
  await server.tools();
  return await timed(() => exec(server, "true"));
}
