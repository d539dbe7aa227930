import assert from "node:assert/strict";
import { Client, type VersionNegotiationMode } from "@modelcontextprotocol/client";
import { callsAndCancels } from "../support/calls_and_cancels.ts";
import { startPlace } from "../support/places.ts";
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
      await callsAndCancels({
        listTools: () => client.listTools(),
        call: (params, options) => client.callTool(params, options),
      });
      assert.ok(place.host.openConnections() > 0, "the connection stays warm");
    } finally {
      await server.close();
      await server.ended();
    }
  });
}
