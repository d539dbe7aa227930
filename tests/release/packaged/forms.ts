import assert from "node:assert/strict";
import { startPlace } from "../../support/places.ts";
import { type CommandLine, connectServer, END_LIMIT_MS } from "../../support/server.ts";

/** No process may create a file in it, not even one of root. */
const READ_ONLY = "/proc";

/** A form in which the program is handed out, started as its users start it. */
export interface Form {
  readonly command: CommandLine;
  /** Variables without which the command itself cannot run, for example where `node` is. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Checks what every form must do: work with no environment but its own variables, without a home directory, in a current
 * directory that cannot be written, and end when stdin is closed at once.
 */
export async function checkForm({ command, env = {} }: Form): Promise<void> {
  await using place = await startPlace();
  const { HOME: home, ...settings } = place.env;
  const known = { SSH_KNOWN_HOSTS: `${home}/.ssh/known_hosts`, SSH_CONFIG: "none" };
  const complete = { ...settings, ...known, ...env };
  await using server = await connectServer({ command, env: complete, cwd: READ_ONLY });
  const { data } = await server.call("ssh_exec_command", { command: "echo out" });
  assert.equal(data.stdout, "out\n");
  await endsWithoutInput(command, complete);
}

/** A client that dies right after the start leaves a closed stdin. */
async function endsWithoutInput(
  { path, args }: CommandLine,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const child = new Deno.Command(path, {
    args: [...args],
    cwd: READ_ONLY,
    env: { ...env },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const limit = setTimeout(() => child.kill("SIGKILL"), 3 * END_LIMIT_MS);
  const { code, signal, stdout, stderr } = await child.output();
  clearTimeout(limit);
  assert.deepEqual([code, signal], [0, null], new TextDecoder().decode(stderr));
  assert.equal(stdout.length, 0);
}
