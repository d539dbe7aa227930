import assert from "node:assert/strict";
import { startPlace } from "../support/places.ts";
import { connectServer } from "../support/server.ts";

const entriesOf = (path: string): Record<string, unknown>[] =>
  Deno.readTextFileSync(path).trimEnd().split("\n").map((line) => JSON.parse(line));

for (const end of ["stdin", "SIGTERM", "SIGINT"] as const) {
  Deno.test(`AUDIT_LOG gets the calls that the end of the server cut short (${end})`, async () => {
    await using place = await startPlace();
    const path = `${place.home}/audit.jsonl`;
    await using server = await connectServer({
      env: { ...place.env, AUDIT_LOG: path },
      cwd: place.directory,
    });
    const command = "touch begun; sleep 100";
    const cut = server.call("ssh_exec_command", { command }).catch(() => "no answer");
    await server.call("ssh_exec_command", {
      command: "while [ ! -e begun ]; do sleep 0.02; done",
    });
    if (end === "stdin") await server.server.close();
    else server.server.kill(end);
    await server.server.ended();
    await cut;
    const entries = entriesOf(path);
    assert.equal(entries.length, 2);
    const entry = entries.find(({ arguments: args }) =>
      (args as { command: string }).command === command
    );
    assert.deepEqual([entry?.outcome, entry?.code], ["error", "cancelled"]);
  });
}

Deno.test("calls that are none are answered as failures, and AUDIT_LOG has them", async () => {
  await using place = await startPlace();
  const path = `${place.home}/audit.jsonl`;
  await using server = await connectServer({
    env: { ...place.env, AUDIT_LOG: path },
    cwd: place.directory,
  });
  const requests = [
    [{ name: "ssh_exec_command", arguments: "rm -rf x" }, "invalid_argument"],
    [{ name: "ssh_exec_command", arguments: ["rm -rf x"] }, "invalid_argument"],
    [{ name: "ssh_exec_command", arguments: null }, "invalid_argument"],
    [{ name: 7 }, "unknown_tool"],
    [{}, "unknown_tool"],
    [undefined, "unknown_tool"],
    [{ name: "__proto__" }, "unknown_tool"],
    [
      JSON.parse(`{"name":"ssh_exec_command","arguments":{"command":"true","__proto__":{"a":1}}}`),
      "invalid_argument",
    ],
  ] as const;
  const before = server.server.stdoutLines.length;
  for (const [id, [params]] of requests.entries()) {
    const request = { jsonrpc: "2.0", id: `odd ${id}`, method: "tools/call", params };
    await server.server.sendText(`${JSON.stringify(request)}\n`);
  }
  await server.call("ssh_exec_command", { command: "true" });
  const answers = server.server.stdoutLines.slice(before).map((line) => JSON.parse(line));
  for (const [id, [params, code]] of requests.entries()) {
    const { result } = answers.find((answer) => answer.id === `odd ${id}`);
    assert.deepEqual(
      [result.isError, result.structuredContent.code],
      [true, code],
      JSON.stringify(params),
    );
  }
  assert.equal(entriesOf(path).length, requests.length + 1);
});

Deno.test("the server's own files are out of reach for the tools", async () => {
  await using place = await startPlace();
  Deno.writeTextFileSync(`${place.directory}/.env`, "LOG_LEVEL=info\n");
  await using server = await connectServer({
    env: { ...place.env, AUDIT_LOG: `${place.directory}/audit.jsonl` },
    cwd: place.directory,
  });
  await server.call("ssh_exec_command", { command: "echo HOST=evil.example > fake" });
  for (const name of [".env", "audit.jsonl"]) {
    const [up, down] = [
      await server.call("ssh_upload_file", { local_path: name, remote_path: "stolen" }),
      await server.call("ssh_download_file", {
        local_path: name,
        remote_path: "fake",
        overwrite: true,
      }),
    ];
    assert.deepEqual([up.data.code, down.data.code], ["not_permitted", "not_permitted"], name);
  }
  assert.equal(Deno.readTextFileSync(`${place.directory}/.env`), "LOG_LEVEL=info\n");
  assert.equal(entriesOf(`${place.directory}/audit.jsonl`).length, 5);
});
