import assert from "node:assert/strict";
import { sessionTest } from "../../../support/session.ts";

/** Names of servers that are not OpenSSH, and one that only claims to be. */
const IDENTS = ["Cisco-1.25", "ssh2js1.17.0srv", "OpenSSH_9.2p1 Debian-2+deb12u10"];

for (const ident of IDENTS) {
  sessionTest(
    `a host with one session for each connection runs every command (${ident})`,
    async ({ exec, host }) => {
      const first = await exec("echo in");
      assert.equal(first.stdout.text, "in\n");
      const codes = await Promise.all(
        [1, 2, 3, 4].map(async (code) => (await exec(`sleep 0.2; exit ${code}`)).exitCode),
      );
      assert.deepEqual(codes, [1, 2, 3, 4]);
      assert.equal(host.commandCount(), 5, "commands on the host, none of them ours");
      assert.ok(host.connectionCount() <= 5, `${host.connectionCount()} connections`);
      // What the host has refused is not tried again, not even on a new connection.
      const refused = host.sessionsRefused();
      host.dropConnections();
      await Promise.all([exec("sleep 0.1"), exec("sleep 0.1")]);
      assert.equal(host.sessionsRefused(), refused);
    },
    { host: { maxSessions: 1, ident } },
  );
}

sessionTest(
  "a host that ends each connection when a command is requested is tried at most five times",
  async ({ exec, host }) => {
    await assert.rejects(exec("echo in", { timeoutMs: 20_000 }), {
      code: "connection_lost",
      message: /^The host ended 5 connections before the command could be sent: /,
    });
    assert.equal(host.connectionCount(), 5);
  },
  { host: { cutsSessions: true } },
);
