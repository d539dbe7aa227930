import type { Server } from "../../tests/demo/server.ts";
import { interleave, type Rows, timed } from "../harness.ts";
import { figure } from "../numbers.ts";

const BYTES = 5_000_000;
const COMMAND = `head -c ${BYTES} /dev/zero | tr '\\0' x`;

/** A command that prints much more than an answer may hold: read to its end, kept in part. */
export const outputRows: Rows = {
  name: "output",
  about: "5 MB of output, cut to CHARACTER_LIMIT",
  async measure(bench) {
    await using server = await bench.startServer();
    await using openSsh = await bench.openSsh();
    const { ours, theirs } = await interleave(12, {
      ours: () => timed(() => print(server)),
      theirs: () => timed(() => openSsh.exec(COMMAND)),
    });
    return [{ what: "5 MB of output", unit: "ms", ours: figure(ours), theirs: figure(theirs) }];
  },
};

async function print(server: Server): Promise<void> {
  const { data } = await server.call("ssh_exec_command", { command: COMMAND });
  const length = data.stdout_original_length;
  if (length !== BYTES) throw new Error(`Of the output ${length} characters were counted`);
}
