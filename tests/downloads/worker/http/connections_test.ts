import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { peer, peerTest } from "../../../peers/require.ts";

peerTest({
  name: "a listener that ran out of file descriptors accepts again when there are some",
  peer: peer("prlimit", "/usr/bin/prlimit", "util-linux"),
  async fn() {
    const script = fileURLToPath(new URL("few_descriptors.ts", import.meta.url));
    await using server = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", script],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const reader = server.stdout.getReader();
    const { value } = await reader.read();
    const port = Number(new TextDecoder().decode(value));
    // Only now: to load its modules, Deno may need more.
    const limited = await new Deno.Command("prlimit", {
      args: ["--nofile=100:100", "--pid", String(server.pid)],
    }).output();
    assert.ok(limited.success);
    const address = { hostname: "127.0.0.1", port };
    const idle = await Promise.all(Array.from({ length: 150 }, () => Deno.connect(address)));
    for (const connection of idle) connection.close();
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    assert.equal(await answer.text(), "served");
    await server.stdin.close();
    await reader.cancel();
    await server.status;
  },
});
