import assert from "node:assert/strict";
import { valueWithin } from "../../src/async/deadline.ts";
import { startPlace } from "../support/places.ts";
import { connectServer } from "../support/server.ts";

Deno.test("a worker that dies is answered for: pending calls get an error, the process a code", async () => {
  await using place = await startPlace();
  await using server = await connectServer({
    env: place.env,
    cwd: place.directory,
    entry: "tests/whole/probes/dying_probe.ts",
  });
  const pending = server.call("ssh_exec_command", { command: "wait" });
  const deadly = server.call("ssh_exec_command", { command: "die" });
  for (const { isError, data } of await Promise.all([pending, deadly])) {
    assert.equal(isError, true);
    assert.equal(data.code, "worker_died");
    assert.match(String(data.error), /^The ssh worker of the server ended unexpectedly$/);
    assert.match(String(data.suggestion), /^Restart the MCP server/);
  }
  const ended = await valueWithin(server.server.ended(), 30_000);
  assert.equal(ended?.code, 1);
  assert.match(server.server.stderr, /worker ssh died: .*the worker dies/);
});
