import assert from "node:assert/strict";
import { type Place, startPlace } from "../../support/places.ts";
import { type CommandLine, connectServer, END_LIMIT_MS } from "../../support/server.ts";

/** No process may create a file in it, not even one of root. */
const READ_ONLY = "/proc";

/** How a client starts the program in one of the forms in which it is handed out. */
export interface Form {
  readonly command: CommandLine;
  /** All variables of the process, apart from where the host's key is. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Checks what every form must do: work with no environment but its own variables, without a home directory, in a current
 * directory that cannot be written, and end when stdin is closed at once.
 */
export async function checkForm(formFor: (place: Place) => Form | Promise<Form>): Promise<void> {
  await using place = await startPlace();
  const { command, env } = await formFor(place);
  const complete = {
    ...env,
    SSH_KNOWN_HOSTS: env.SSH_KNOWN_HOSTS ?? `${place.home}/.ssh/known_hosts`,
    SSH_CONFIG: "none",
  };
  await using server = await connectServer({ command, env: complete, cwd: READ_ONLY });
  const { data } = await server.call("ssh_exec_command", { command: "echo out" });
  assert.equal(data.stdout, "out\n");
  await endsWithoutInput(command, complete);
}

/** Returns the variables of a place, without a home directory. */
export function settingsOf({ env }: Place): Record<string, string> {
  const { HOME: _, ...settings } = env;
  return settings;
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
