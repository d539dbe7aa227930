import assert from "node:assert/strict";
import { isAlive } from "../fakes/ssh_host_client.ts";
import { type Place, startPlace } from "../support/places.ts";
import { type Era, ERAS, RawClient, read } from "../support/raw_client.ts";
import { until } from "../support/until.ts";
import { END_LIMIT_MS } from "../support/server.ts";

/** Registers a test for both ways of opening a connection. */
function eraTest(name: string, run: (client: RawClient, place: Place, era: Era) => Promise<void>) {
  for (const era of ERAS) {
    Deno.test(`${name} (${era})`, async () => {
      await using place = await startPlace();
      await using client = await RawClient.connect({ env: place.env, cwd: place.directory }, era);
      await run(client, place, era);
    });
  }
}

const warnings = ({ server }: RawClient) =>
  server.stderr.split("\n").filter((line) => line.includes("unusual message")).length;

eraTest("a call with any id is stopped on the host when it is cancelled", async (client) => {
  for (const id of [0, "", 7, "seven", 1.5]) {
    const pid = await client.startSleep(id);
    assert.equal(isAlive(pid), true);
    await client.send({ method: "notifications/cancelled", params: { requestId: id } });
    await client.exec(`after ${id}`, `while kill -0 ${pid} 2>/dev/null; do sleep 0.05; done`);
    await client.answerTo(`after ${id}`);
    assert.equal(isAlive(pid), false, `id ${JSON.stringify(id)}`);
  }
});

eraTest("progress arrives under the tokens 0 and the empty text", async (client) => {
  for (const progressToken of [0, ""]) {
    const id = `call ${progressToken}`;
    await client.exec(id, "echo out; sleep 60", { progressToken });
    await client.message(({ params }) => read(params, "progressToken") === progressToken);
    await client.send({ method: "notifications/cancelled", params: { requestId: id } });
  }
});

eraTest(
  "unusual messages are answered as they are meant, with a warning",
  async (client, _, era) => {
    const echo = (id: number, more: object = {}) => ({
      jsonrpc: "2.0",
      id,
      method: "tools/call",
      params: client.params({
        name: "ssh_exec_command",
        arguments: { command: `echo ${id}` },
      }),
      ...more,
    });
    const { jsonrpc: _version, ...unversioned } = echo(2);
    await client.line(JSON.stringify(echo(1, { extra: true })));
    await client.line(JSON.stringify(unversioned));
    await client.line(`\ufeff${JSON.stringify(echo(3))}`);
    await client.line(JSON.stringify([echo(4), echo(5)]));
    await client.line("");
    await client.line(`${JSON.stringify(echo(6))}\r`);
    for (const id of [1, 2, 3, 4, 5, 6]) {
      const answer = await client.answerTo(id);
      assert.equal(read(answer, "result", "structuredContent", "stdout"), `${id}\n`);
    }
    await until("four warnings", () => warnings(client) >= 4);
    assert.equal(warnings(client), 4, client.server.stderr);
    if (era === "legacy") await listsWithoutParams(client);
  },
);

/** A request of the current revision cannot do without params. */
async function listsWithoutParams(client: RawClient): Promise<void> {
  const odd = [null, [], { _meta: null }, { _meta: { progressToken: null } }, { cursor: null }];
  for (const [index, params] of odd.entries()) {
    const id = `list ${index}`;
    await client.line(JSON.stringify({ jsonrpc: "2.0", id, method: "tools/list", params }));
    assert.ok(read(await client.answerTo(id), "result", "tools"), JSON.stringify(params));
  }
}

eraTest("messages without a meaning are refused, and the connection goes on", async (client) => {
  await client.line("this is not JSON");
  const parse = await client.answerTo(null);
  assert.equal(read(parse, "error", "code"), -32700);
  await client.line('{"jsonrpc":"2.0","id":8,"method":"tools/list","params":"text"}');
  assert.equal(read(await client.answerTo(8), "error", "code"), -32600);
  await client.line('{"jsonrpc":"1.0","id":9,"method":"tools/list"}');
  assert.equal(read(await client.answerTo(9), "error", "code"), -32600);
  for (const line of ["null", "3", '"x"', "[]", "{}"]) await client.line(line);
  await client.exec(10, "echo on");
  const on = await client.answerTo(10);
  assert.equal(read(on, "result", "structuredContent", "stdout"), "on\n");
  const codes = client.received.filter(({ id }) => id === null)
    .map((answer) => read(answer, "error", "code"));
  assert.deepEqual(codes, [-32700, ...Array(5).fill(-32600)]);
});

eraTest("a message over 10 MiB is refused under its id, in linear time", async (client) => {
  const command = "x".repeat(11 * 1_048_576);
  await client.exec(1, command);
  const refusal = await client.answerTo(1);
  assert.deepEqual(refusal.error, {
    code: -32600,
    message: "Invalid Request: the message is longer than 10 MiB",
  });
  const began = performance.now();
  await client.exec(2, command.slice(0, 10_000_000));
  const answer = await client.answerTo(2);
  assert.equal(read(answer, "result", "structuredContent", "code"), "invalid_argument");
  // In quadratic time it would be minutes.
  assert.ok(performance.now() - began < 30_000, `${performance.now() - began} ms`);
  await client.exec(3, "echo on");
  assert.equal(read(await client.answerTo(3), "result", "structuredContent", "stdout"), "on\n");
});

eraTest("a line of 300 MB costs little memory, and the connection goes on", async (client) => {
  const part = "x".repeat(1_000_000);
  await client.server.sendText('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"x":"');
  for (let count = 0; count < 300; count++) await client.server.sendText(part);
  await client.line('"}}');
  assert.equal(read(await client.answerTo(1), "error", "code"), -32600);
  await client.exec(2, "echo on");
  assert.equal(read(await client.answerTo(2), "result", "structuredContent", "stdout"), "on\n");
  const status = Deno.readTextFileSync(`/proc/${client.server.pid}/status`);
  const peakMb = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1_024;
  assert.ok(peakMb < 400, `${Math.round(peakMb)} MB`);
});

eraTest("null is left out and digits are a number in every argument", async (client) => {
  // The time limit is that of the command, not of the login.
  await client.exec(0, "true");
  await client.answerTo(0);
  const args = { command: "sleep 30", timeout: "5", response_format: null };
  const params = { name: "ssh_exec_command", arguments: args };
  await client.send({ id: 1, method: "tools/call", params });
  const answer = await client.answerTo(1);
  assert.equal(read(answer, "result", "structuredContent", "code"), "timeout");
  assert.match(String(read(answer, "result", "structuredContent", "error")), /after 5 seconds/);
  await client.send({ id: 2, method: "tools/call", params: { ...params, arguments: null } });
  const refusal = await client.answerTo(2);
  assert.match(String(read(refusal, "result", "structuredContent", "error")), /command: /);
});

for (const era of ERAS) {
  Deno.test(`arguments that are nested 100,000 deep are refused and audited (${era})`, async () => {
    await using place = await startPlace();
    const env = { ...place.env, AUDIT_LOG: `${place.home}/audit.jsonl` };
    await using client = await RawClient.connect({ env, cwd: place.directory }, era);
    const params = client.params({ name: "ssh_exec_command", arguments: { command: "DEEP" } });
    const message = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    await client.line(message.replace('"DEEP"', deep));
    const answer = await client.answerTo(1);
    assert.equal(read(answer, "result", "structuredContent", "code"), "invalid_argument");
    const { time: _, duration_ms: __, ...entry } = JSON.parse(
      Deno.readTextFileSync(`${place.home}/audit.jsonl`),
    );
    assert.deepEqual(entry, {
      tool: "ssh_exec_command",
      outcome: "error",
      code: "invalid_argument",
    });
  });
}

eraTest("a call that runs when stdin ends is answered as cancelled", async (client) => {
  const pid = await client.startSleep("call");
  const began = performance.now();
  await client.server.close();
  const status = await client.server.ended();
  assert.equal(status.code, 0, client.server.stderr);
  assert.ok(performance.now() - began < END_LIMIT_MS);
  const answer = await client.answerTo("call");
  assert.equal(read(answer, "result", "structuredContent", "code"), "cancelled");
  assert.equal(read(answer, "result", "structuredContent", "cancelled"), true);
  assert.equal(read(answer, "result", "structuredContent", "stdout"), `${pid}\n`);
  await until("the end of the command", () => !isAlive(pid));
});

eraTest(
  "a call on a frozen host is answered as cancelled when stdin ends",
  async (client, place) => {
    await client.startSleep("call");
    place.host.freeze();
    const began = performance.now();
    await client.server.close();
    assert.equal((await client.server.ended()).code, 0);
    assert.ok(performance.now() - began < END_LIMIT_MS);
    const answer = await client.answerTo("call");
    assert.equal(read(answer, "result", "structuredContent", "code"), "cancelled");
    place.host.thaw();
  },
);

Deno.test("an unsupported version is refused in every request, and the connection goes on", async () => {
  await using place = await startPlace();
  await using client = await RawClient.connect(
    { env: place.env, cwd: place.directory },
    "current",
  );
  const _meta = { "io.modelcontextprotocol/protocolVersion": "2031-01-01" };
  const calls = { name: "ssh_exec_command", arguments: { command: "echo out" } };
  for (const [method, params] of [["tools/list", {}], ["tools/call", calls]] as const) {
    await client.send({ id: method, method, params: { ...params, _meta } });
    const { error } = await client.answerTo(method);
    assert.deepEqual([read(error, "code"), read(error, "data")], [
      -32022,
      { supported: ["2026-07-28"], requested: "2031-01-01" },
    ]);
  }
  await client.send({ id: 1, method: "tools/list" });
  assert.ok(read(await client.answerTo(1), "result", "tools"));
});
