import assert from "node:assert/strict";
import {
  Client,
  StreamableHTTPClientTransport,
  type VersionNegotiationMode,
} from "@modelcontextprotocol/client";
// The SDK exports its types only for the path without ".js".
// @ts-types="@modelcontextprotocol/sdk/client/index"
import { Client as OlderClient } from "@modelcontextprotocol/sdk/client/index.js";
// @ts-types="@modelcontextprotocol/sdk/client/sse"
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
// @ts-types="@modelcontextprotocol/sdk/client/streamableHttp"
import { StreamableHTTPClientTransport as OlderHttpTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport";
import type { CallToolResult } from "@modelcontextprotocol/sdk/types";
import { peerTest } from "../peers/require.ts";
import { callsAndCancels } from "../support/calls_and_cancels.ts";
import { startPlace } from "../support/places.ts";
import { MCP_PROXY, startBridge, SUPERGATEWAY } from "./programs.ts";

const CLIENT = { name: "tests", version: "1" };
const MODES: readonly (readonly [mode: VersionNegotiationMode, version: string])[] = [
  [{ pin: "2026-07-28" }, "2026-07-28"],
  ["legacy", "2025-11-25"],
];

for (const bridge of [MCP_PROXY, SUPERGATEWAY]) {
  peerTest({
    peer: bridge.peers,
    name: `clients of both lines of the SDK list, call and cancel through ${bridge.name}`,
    async fn() {
      await using place = await startPlace();
      await using running = await startBridge(bridge, place);
      const { url } = running;
      await Promise.all([
        ...MODES.map(([mode, version]) => throughCurrentClient(url, mode, version)),
        throughOlderClient(new OlderHttpTransport(url)),
        ...(bridge.ssePath === undefined
          ? []
          : [throughOlderClient(new SSEClientTransport(new URL(bridge.ssePath, url)))]),
      ]);
    },
  });
}

async function throughCurrentClient(
  url: URL,
  mode: VersionNegotiationMode,
  version: string,
): Promise<void> {
  const client = new Client(CLIENT, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(url));
  try {
    assert.equal(client.getNegotiatedProtocolVersion(), version);
    await callsAndCancels({
      listTools: () => client.listTools(),
      call: (params, options) => client.callTool(params, options),
    });
  } finally {
    await client.close();
  }
}

async function throughOlderClient(transport: unknown): Promise<void> {
  const client = new OlderClient(CLIENT);
  // Its classes declare optional members in another way than its interface.
  await client.connect(transport as Transport);
  try {
    await callsAndCancels({
      listTools: () => client.listTools(),
      // The older form of a result is not asked for.
      call: async (params, options) =>
        await client.callTool(params, undefined, options) as CallToolResult,
    });
  } finally {
    await client.close();
  }
}
