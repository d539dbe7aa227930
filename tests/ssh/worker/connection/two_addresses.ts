// Connects to a name with two addresses, the first of which drops everything. It is run where /etc/hosts
// has the name. The connecting process may only use the name.
import { lookup } from "node:dns/promises";
import { fileURLToPath } from "node:url";
import { connectTcp } from "../../../../src/ssh/worker/connection/tcp.ts";
import { outputOf } from "../../../support/command.ts";
import { startBlackHole } from "./black_hole.ts";

const NAME = "two-addresses";
const [port] = Deno.args;

if (port === undefined) {
  const [dead, live] = await lookup(NAME, { all: true });
  if (dead === undefined || live === undefined) throw new Error(`${NAME} needs two addresses`);
  const listener = Deno.listen({ hostname: live.address, port: 0 });
  const free = listener.addr.port;
  const script = fileURLToPath(import.meta.url);
  await using _ = await startBlackHole(dead.address, free);
  const options = ["--no-check", "--no-prompt", `--allow-net=${NAME}:${free}`];
  print(await outputOf(Deno.execPath(), "run", ...options, script, String(free)));
  listener.close();
} else {
  const socket = await connectTcp(NAME, Number(port), new AbortController().signal);
  print(socket.destroyed ? "" : "connected");
  socket.destroy();
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
