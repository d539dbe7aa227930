import assert from "node:assert/strict";
import { Client, type VersionNegotiationMode } from "@modelcontextprotocol/client";
import { isAlive } from "../fakes/ssh_host_client.ts";
import { type Place, startPlace } from "../support/places.ts";
import { ServerProcess } from "../support/server.ts";

/** How the SDK's current client opens a connection, and the version that it then speaks. */
const MODES: readonly (readonly [what: string, mode: VersionNegotiationMode, version: string])[] = [
  ["chooses the version", "auto", "2026-07-28"],
  ["accepts only 2026-07-28", { pin: "2026-07-28" }, "2026-07-28"],
  ["initializes", "legacy", "2025-11-25"],
];

for (const [what, mode, version] of MODES) {
  Deno.test(`a current client that ${what} lists tools, and calls and cancels them`, async () => {
    await using place = await startPlace();
    const server = new ServerProcess({ env: place.env, cwd: place.directory });
    const client = new Client({ name: "tests", version: "1" }, { versionNegotiation: { mode } });
    try {
      await client.connect(server);
      assert.equal(client.getNegotiatedProtocolVersion(), version);
      await callsAndCancels(client, place);
    } finally {
      await server.close();
      await server.ended();
    }
  });
}

async function callsAndCancels(client: Client, place: Place): Promise<void> {
  const { tools } = await client.listTools();
  assert.ok(tools.some(({ name }) => name === "ssh_exec_command"));
  const answer = await client.callTool(exec("echo out; exit 3"));
  assert.deepEqual(pick(answer.structuredContent), ["out\n", 3]);
  const refused = await client.callTool({ name: "ssh_exec_command", arguments: { shell: "sh" } });
  assert.equal(refused.isError, true);
  const controller = new AbortController();
  const started = Promise.withResolvers<number>();
  const call = client.callTool(exec("echo $$; exec sleep 300"), {
    signal: controller.signal,
    onprogress: ({ message }) => {
      const pid = Number(message?.split("\n")[1]);
      if (pid > 0) started.resolve(pid);
    },
  });
  const pid = await started.promise;
  controller.abort();
  await assert.rejects(call);
  await client.callTool(exec(`while kill -0 ${pid} 2>/dev/null; do sleep 0.05; done`));
  assert.equal(isAlive(pid), false);
  assert.ok(place.host.openConnections() > 0, "the connection stays warm");
}

const exec = (command: string) => ({ name: "ssh_exec_command", arguments: { command } });

function pick(data: unknown): unknown[] {
  assert.ok(typeof data === "object" && data !== null && "stdout" in data && "exit_code" in data);
  return [data.stdout, data.exit_code];
}
