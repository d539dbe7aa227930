import { outputOf } from "./command.ts";

/** Starts an SSH agent with these keys. Disposing of it ends the agent. */
export async function startAgent(
  socket: string,
  ...keyPaths: readonly string[]
): Promise<AsyncDisposable> {
  const agent = new Deno.Command("/usr/bin/ssh-agent", {
    args: ["-D", "-a", socket],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  // Its first line of output names its socket, on which it listens by then.
  const reader = agent.stdout.getReader();
  await reader.read();
  await reader.cancel();
  for (const path of keyPaths) await addToAgent(socket, path);
  return {
    async [Symbol.asyncDispose]() {
      agent.kill();
      await agent.status;
    },
  };
}

/** Runs `ssh-add` with an agent. */
export async function addToAgent(socket: string, ...args: readonly string[]): Promise<void> {
  await outputOf("/usr/bin/env", `SSH_AUTH_SOCK=${socket}`, "/usr/bin/ssh-add", "-q", ...args);
}
