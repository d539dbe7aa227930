import assert from "node:assert/strict";
// @ts-types="@modelcontextprotocol/sdk/inMemory"
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { ServerProtocol } from "../../src/mcp/server_protocol.ts";

const INTRODUCTION = {
  serverInfo: { name: "probe", version: "1.2.3" },
  capabilities: { tools: {} },
  instructions: "Tools of a probe.",
};

/** Returns the server's answer to one handwritten request. */
async function answerTo(method: string, params: Record<string, unknown>): Promise<unknown> {
  const [client, end] = InMemoryTransport.createLinkedPair();
  const server = new ServerProtocol(INTRODUCTION);
  const answered = Promise.withResolvers<unknown>();
  client.onmessage = (message) => answered.resolve(message);
  await client.start();
  await server.connect(end);
  await client.send({ jsonrpc: "2.0", method: "notifications/initialized" });
  await client.send({ jsonrpc: "2.0", id: 1, method, params });
  return await answered.promise.finally(() => server.close());
}

const handshake = (protocolVersion: string) =>
  answerTo("initialize", {
    protocolVersion,
    capabilities: {},
    clientInfo: { name: "hand", version: "1" },
  });

Deno.test("ServerProtocol answers initialize in the client's version of the protocol", async () => {
  for (const protocolVersion of ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]) {
    assert.deepEqual(await handshake(protocolVersion), {
      jsonrpc: "2.0",
      id: 1,
      result: { ...INTRODUCTION, protocolVersion },
    });
  }
});

Deno.test("ServerProtocol offers its latest version to a client with an unknown one", async () => {
  const answer = await handshake("2099-01-01");
  assert.deepEqual(answer, {
    jsonrpc: "2.0",
    id: 1,
    result: { ...INTRODUCTION, protocolVersion: "2025-11-25" },
  });
});

Deno.test("ServerProtocol answers a ping and refuses unknown methods", async () => {
  assert.deepEqual(await answerTo("ping", {}), { jsonrpc: "2.0", id: 1, result: {} });
  const refusal = await answerTo("resources/list", {});
  assert.deepEqual(refusal, {
    jsonrpc: "2.0",
    id: 1,
    error: { code: -32601, message: "Method not found" },
  });
});
