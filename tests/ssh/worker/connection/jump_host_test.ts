import assert from "node:assert/strict";
import { Socket } from "node:net";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import { forwardThrough } from "../../../../src/ssh/worker/connection/jump_host.ts";

const { Client } = ssh2;

Deno.test("forwardThrough() fails if the connection to the jump host has just ended", async () => {
  const hop = { client: new Client(), socket: new Socket(), isOpenSsh: () => true };
  const forwarding = forwardThrough(hop, { host: "target", port: 22 }, 30_000);
  await assert.rejects(forwarding, { message: "Not connected" });
  assert.equal(hop.socket.destroyed, true);
  // Nothing waits for the end of a connection that has been reported.
  hop.client.emit("close");
});
