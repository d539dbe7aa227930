import assert from "node:assert/strict";
import { peerTest, SSH_AGENT, SSHD } from "../peers/require.ts";
import { startSshd } from "../peers/sshd.ts";
import { startAgent } from "../support/agent.ts";
import { connectServer } from "../support/server.ts";

peerTest({
  peer: [SSHD, SSH_AGENT],
  name: "the sandboxed server logs in through an agent",
  async fn() {
    await using sshd = await startSshd();
    const directory = await Deno.realPath(await Deno.makeTempDir());
    const socket = `${directory}/agent.sock`;
    await using _agent = await startAgent(socket, sshd.keyPath);
    const server = await connectServer({
      cwd: directory,
      env: {
        I_ACCEPT_RISKS: "true",
        HOST: sshd.host,
        SSH_PORT: String(sshd.port),
        SSH_USERNAME: sshd.username,
        SSH_AUTH_SOCK: socket,
        SSH_KNOWN_HOSTS: sshd.knownHostsPath,
      },
    });
    try {
      const { data } = await server.call("ssh_exec_command", { command: "id -un" });
      assert.equal(data.stdout, `${sshd.username}\n`);
    } finally {
      await server.end();
      await Deno.remove(directory, { recursive: true });
    }
  },
});
