import assert from "node:assert/strict";
import { InMemoryTransport, type JSONRPCMessage } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { createLogger } from "../../src/log.ts";
import { noAudit } from "../../src/mcp/audit.ts";
import { createCatalog } from "../../src/mcp/catalog.ts";
import { createMcpServer } from "../../src/mcp/server.ts";

const INTRODUCTION = {
  serverInfo: { name: "mcp_remote_exec", title: "Remote Exec", version: "1.2.3" },
  capabilities: { tools: {} },
  instructions: "Tools of a probe.",
};

/** What a client of the current revision sends with every request. */
const modern = (version = "2026-07-28") => ({
  _meta: {
    "io.modelcontextprotocol/protocolVersion": version,
    "io.modelcontextprotocol/clientCapabilities": {},
  },
});

interface Message {
  readonly method: string;
  readonly params: Record<string, unknown>;
}

/** Returns the answers to handwritten requests on one connection, each sent after the last answer. */
async function talk(...messages: Message[]): Promise<Record<string, unknown>[]> {
  const [client, wire] = InMemoryTransport.createLinkedPair();
  const parts = {
    version: "1.2.3",
    instructions: INTRODUCTION.instructions,
    catalog: createCatalog([]),
    audit: noAudit,
    logger: createLogger("error"),
  };
  const server = serveStdio(() => createMcpServer(parts), { transport: wire });
  const answers: Record<string, unknown>[] = [];
  await client.start();
  for (const [index, message] of messages.entries()) {
    const answered = Promise.withResolvers<JSONRPCMessage>();
    client.onmessage = answered.resolve;
    await client.send({ jsonrpc: "2.0", id: index, ...message });
    answers.push({ ...await answered.promise });
  }
  await server.close();
  return answers;
}

const handshake = (protocolVersion: string): Message => ({
  method: "initialize",
  params: {
    protocolVersion,
    capabilities: {},
    clientInfo: { name: "hand", version: "1" },
  },
});

const initialized = (protocolVersion: string) => ({ ...INTRODUCTION, protocolVersion });

Deno.test("the server answers initialize in the client's version of the protocol", async () => {
  for (const version of ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]) {
    const [answer] = await talk(handshake(version));
    assert.deepEqual(answer, { jsonrpc: "2.0", id: 0, result: initialized(version) });
  }
});

Deno.test("the server offers the newest version with initialize to a client with an unknown one", async () => {
  for (const version of ["2099-01-01", "2026-07-28", "1"]) {
    const [answer] = await talk(handshake(version));
    assert.deepEqual(answer?.result, initialized("2025-11-25"));
  }
});

Deno.test("the server answers initialize without a version or parameters in the newest version", async () => {
  for (const params of [{}, { capabilities: {} }]) {
    const [answer] = await talk({ method: "initialize", params });
    assert.deepEqual(answer?.result, initialized("2025-11-25"));
  }
});

Deno.test("the server refuses initialize with a version that is not text, then answers a corrected one", async () => {
  for (const protocolVersion of [20251125, 1, true, ["2025-11-25"], {}]) {
    const [refusal, answer] = await talk(
      { method: "initialize", params: { protocolVersion } },
      handshake("2025-06-18"),
    );
    assert.deepEqual(refusal?.error, {
      code: -32602,
      message: 'protocolVersion must be a text such as "2025-11-25"',
    });
    assert.deepEqual(answer?.result, initialized("2025-06-18"));
  }
});

Deno.test("the server answers a ping and refuses unknown methods", async () => {
  const [, ping, refusal] = await talk(
    handshake("2025-06-18"),
    { method: "ping", params: {} },
    { method: "resources/list", params: {} },
  );
  assert.deepEqual(ping, { jsonrpc: "2.0", id: 1, result: {} });
  assert.deepEqual(refusal, {
    jsonrpc: "2.0",
    id: 2,
    error: { code: -32601, message: "Method not found" },
  });
});

Deno.test("the server describes itself to a client of the current revision, and serves it", async () => {
  const [discovered, listed, refused] = await talk(
    { method: "server/discover", params: modern() },
    { method: "tools/list", params: modern() },
    { method: "resources/list", params: modern() },
  );
  const _meta = { "io.modelcontextprotocol/serverInfo": INTRODUCTION.serverInfo };
  const cached = { resultType: "complete", ttlMs: 0, cacheScope: "private", _meta };
  const { capabilities, instructions } = INTRODUCTION;
  const supportedVersions = ["2026-07-28"];
  assert.deepEqual(discovered?.result, {
    ...{ supportedVersions, capabilities, instructions },
    ...cached,
  });
  assert.deepEqual(listed?.result, { tools: [], ...cached });
  assert.deepEqual(refused?.error, { code: -32601, message: "Method not found" });
});

Deno.test("the server serves a client that discovers it and then initializes", async () => {
  const [, answer, listed] = await talk(
    { method: "server/discover", params: modern() },
    handshake("2025-06-18"),
    { method: "tools/list", params: {} },
  );
  assert.deepEqual(answer?.result, initialized("2025-06-18"));
  assert.deepEqual(listed?.result, { tools: [] });
});

Deno.test("the server refuses an unsupported version by name, then serves a supported one", async () => {
  for (const method of ["server/discover", "tools/list"]) {
    const [refusal, listed] = await talk(
      { method, params: modern("2030-01-01") },
      { method: "tools/list", params: modern() },
    );
    assert.deepEqual(refusal?.error, {
      code: -32022,
      message: "Unsupported protocol version: 2030-01-01",
      data: { supported: ["2026-07-28"], requested: "2030-01-01" },
    });
    assert.ok("result" in (listed ?? {}));
  }
});
