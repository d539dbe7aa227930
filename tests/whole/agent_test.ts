import assert from "node:assert/strict";
import { peerTest, SSH_AGENT, SSHD } from "../peers/require.ts";
import { startSshd } from "../peers/sshd.ts";
import { connectServer } from "../support/server.ts";

/** Starts an agent with one key. Its first line of output names its socket. */
async function startAgent(socket: string, keyPath: string): Promise<Deno.ChildProcess> {
  const agent = new Deno.Command("/usr/bin/ssh-agent", {
    args: ["-D", "-a", socket],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = agent.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const { code, stderr } = await new Deno.Command("/usr/bin/ssh-add", {
    args: [keyPath],
    env: { SSH_AUTH_SOCK: socket },
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return agent;
}

peerTest({
  peer: [SSHD, SSH_AGENT],
  name: "the sandboxed server logs in through an agent",
  async fn() {
    await using sshd = await startSshd();
    const directory = await Deno.realPath(await Deno.makeTempDir());
    const socket = `${directory}/agent.sock`;
    const agent = await startAgent(socket, sshd.keyPath);
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
      agent.kill();
      await agent.status;
      await Deno.remove(directory, { recursive: true });
    }
  },
});
