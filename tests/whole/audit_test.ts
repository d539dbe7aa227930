import assert from "node:assert/strict";
import { startPlace } from "../support/places.ts";
import { connectServer } from "../support/server.ts";

const entriesOf = (path: string): Record<string, unknown>[] =>
  Deno.readTextFileSync(path).trimEnd().split("\n").map((line) => JSON.parse(line));

Deno.test("AUDIT_LOG gets one line a call: time, tool, arguments, outcome, code, exit code, duration, bytes", async () => {
  await using place = await startPlace();
  const env = { ...place.env, AUDIT_LOG: "~/audit.jsonl" };
  Deno.writeTextFileSync(`${place.directory}/f`, "12345");
  await using server = await connectServer({ env, cwd: place.directory });
  await server.call("ssh_exec_command", { command: "exit 4" });
  await server.call("ssh_upload_file", { local_path: "f", remote_path: "g" });
  await server.call("ssh_upload_file", { local_path: "f", remote_path: "g" });
  await server.call("ssh_exec_command", { command: "true", shell: "bash" });
  await server.call("no_such_tool", { a: 1 });
  const entries = entriesOf(`${place.home}/audit.jsonl`);
  const plain = entries.map(({ time: _, duration_ms: __, ...rest }) => rest);
  assert.deepEqual(plain, [
    {
      tool: "ssh_exec_command",
      arguments: { command: "exit 4" },
      outcome: "ok",
      exit_code: 4,
    },
    {
      tool: "ssh_upload_file",
      arguments: { local_path: "f", remote_path: "g" },
      outcome: "ok",
      bytes: 5,
    },
    {
      tool: "ssh_upload_file",
      arguments: { local_path: "f", remote_path: "g" },
      outcome: "error",
      code: "already_exists",
    },
    {
      tool: "ssh_exec_command",
      arguments: { command: "true", shell: "bash" },
      outcome: "error",
      code: "invalid_argument",
    },
    { tool: "no_such_tool", arguments: { a: 1 }, outcome: "error", code: "unknown_tool" },
  ]);
  for (const { time, duration_ms } of entries) {
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(Number.isInteger(duration_ms));
  }
});

Deno.test("AUDIT_LOG is for its owner only and grows over starts", async () => {
  await using place = await startPlace();
  const path = `${place.home}/audit.jsonl`;
  for (let start = 1; start <= 2; start++) {
    await using server = await connectServer({
      env: { ...place.env, AUDIT_LOG: path },
      cwd: place.directory,
    });
    await server.call("ssh_exec_command", { command: `exit ${start}` });
    await server.end();
    assert.equal(entriesOf(path).length, start);
  }
  assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
});

Deno.test("a killed server has written every call that was answered", async () => {
  await using place = await startPlace();
  const path = `${place.home}/audit.jsonl`;
  await using server = await connectServer({
    env: { ...place.env, AUDIT_LOG: path },
    cwd: place.directory,
  });
  await server.call("ssh_exec_command", { command: "true" });
  server.server.kill("SIGKILL");
  await server.server.ended();
  assert.equal(entriesOf(path).length, 1);
});

Deno.test("AUDIT_LOG has a bounded line for a call of any size", async () => {
  await using place = await startPlace();
  const path = `${place.home}/audit.jsonl`;
  const env = { ...place.env, AUDIT_LOG: path };
  await using server = await connectServer({ env, cwd: place.directory });
  const command = `: ${"x".repeat(2_000_000)}`;
  assert.equal((await server.call("ssh_exec_command", { command })).data.code, "invalid_argument");
  assert.ok(Deno.statSync(path).size < 70_000);
  const logged = Object(entriesOf(path)[0]?.arguments).command;
  assert.match(logged, /^: x{998}… \(2000002 characters, sha256 [0-9a-f]{64}\)$/);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(command));
  assert.ok(logged.includes(new Uint8Array(digest).toHex()), logged);
});
