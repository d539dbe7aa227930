import assert from "node:assert/strict";
import { startPlace } from "../support/places.ts";
import { type Era, RawClient, read } from "../support/raw_client.ts";

const LEGACY_VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
const VERSION = "io.modelcontextprotocol/protocolVersion";
const ECHO = { name: "ssh_exec_command", arguments: { command: "echo out" } };

const opening = (protocolVersion: unknown) => ({
  protocolVersion,
  capabilities: {},
  clientInfo: { name: "hand", version: "1" },
});

/** Runs a test on a connection whose first message it sends itself. */
function opened(name: string, era: Era, run: (client: RawClient) => Promise<void>): void {
  Deno.test(name, async () => {
    await using place = await startPlace();
    await using client = RawClient.start({ env: place.env, cwd: place.directory }, era);
    await run(client);
  });
}

/** Lists and calls in the form of the revisions before 2026-07-28. */
async function servesOldForm(client: RawClient): Promise<void> {
  const { result } = await client.request("list", "tools/list");
  assert.deepEqual(Object.keys(Object(result)), ["tools"]);
  const answer = await client.request("call", "tools/call", ECHO);
  assert.equal(read(answer, "result", "structuredContent", "stdout"), "out\n");
  assert.equal(read(answer, "result", "resultType"), undefined);
}

/** Lists and calls in the form of 2026-07-28. */
async function servesNewForm(client: RawClient): Promise<void> {
  const { result } = await client.request("modern list", "tools/list");
  const { tools, _meta, ...cached } = Object(result);
  assert.deepEqual(cached, { resultType: "complete", ttlMs: 0, cacheScope: "private" });
  assert.ok(tools.length > 0 && _meta["io.modelcontextprotocol/serverInfo"]);
  const answer = await client.request("modern call", "tools/call", ECHO);
  assert.equal(read(answer, "result", "structuredContent", "stdout"), "out\n");
  assert.equal(read(answer, "result", "resultType"), "complete");
}

for (const version of LEGACY_VERSIONS) {
  opened(`a client of ${version} is answered in its form`, "legacy", async (client) => {
    const answer = await client.request(1, "initialize", opening(version));
    assert.equal(read(answer, "result", "protocolVersion"), version);
    await client.send({ method: "notifications/initialized" });
    await servesOldForm(client);
  });
}

opened(
  "a client that lists before it initializes is answered in the old form",
  "legacy",
  servesOldForm,
);

opened(
  "a client that asks for unsupported versions is told the supported one, then served",
  "current",
  async (client) => {
    const methods = { "server/discover": {}, "tools/list": {}, "tools/call": ECHO };
    for (const requested of ["2030-01-01", "2025-11-25", ""]) {
      for (const [method, params] of Object.entries(methods)) {
        const given = { ...params, _meta: { [VERSION]: requested } };
        const { error } = await client.request(`${method} ${requested}`, method, given);
        assert.equal(read(error, "code"), -32022);
        assert.deepEqual(read(error, "data"), { supported: ["2026-07-28"], requested });
      }
    }
    await servesNewForm(client);
  },
);

opened(
  "a request whose version is no text or missing is refused, and the next is served",
  "current",
  async (client) => {
    const refused = async (id: string, _meta: object) => {
      const { error } = await client.request(id, "tools/list", { _meta });
      assert.equal(read(error, "code"), -32602);
      assert.match(String(read(error, "message")), /_meta envelope/);
    };
    await refused("number", { [VERSION]: 20260728 });
    await servesNewForm(client);
    await refused("later number", { [VERSION]: 20260728 });
    const bare = { jsonrpc: "2.0", id: "bare", method: "tools/list", params: {} };
    await client.line(JSON.stringify(bare));
    assert.equal(read(await client.answerTo("bare"), "error", "code"), -32602);
    const { result } = await client.request("again", "tools/list");
    assert.equal(read(result, "resultType"), "complete");
  },
);

opened("a client that discovers and then initializes is served", "current", async (client) => {
  const refusal = await client.request(0, "server/discover", {
    _meta: { [VERSION]: "2030-01-01" },
  });
  assert.equal(read(refusal, "error", "code"), -32022);
  const { result } = await client.request("", "server/discover");
  assert.deepEqual(read(result, "supportedVersions"), ["2026-07-28"]);
  const line = (message: object) => client.line(JSON.stringify({ jsonrpc: "2.0", ...message }));
  await line({ id: 1, method: "initialize", params: opening("2025-06-18") });
  const answer = await client.answerTo(1);
  assert.equal(read(answer, "result", "protocolVersion"), "2025-06-18");
  assert.equal(read(answer, "result", "instructions"), read(result, "instructions"));
  await line({ method: "notifications/initialized" });
  await line({ id: 2, method: "tools/call", params: ECHO });
  const called = await client.answerTo(2);
  assert.equal(read(called, "result", "structuredContent", "stdout"), "out\n");
  assert.equal(read(called, "result", "resultType"), undefined);
});
