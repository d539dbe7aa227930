import assert from "node:assert/strict";

/** Starts an SSH agent with one key, which is ended when it is disposed of. */
export async function startAgent(socket: string, keyPath: string): Promise<AsyncDisposable> {
  const agent = new Deno.Command("/usr/bin/ssh-agent", {
    args: ["-D", "-a", socket],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  // Its first line of output names its socket.
  const reader = agent.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const { code, stderr } = await new Deno.Command("/usr/bin/ssh-add", {
    args: [keyPath],
    env: { SSH_AUTH_SOCK: socket },
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return {
    async [Symbol.asyncDispose]() {
      agent.kill();
      await agent.status;
    },
  };
}
