/** How a program ended and what it wrote. */
export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, without stdin. */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: Pick<Deno.CommandOptions, "cwd" | "env" | "clearEnv"> = {},
): Promise<Output> {
  const command = new Deno.Command(program, { ...options, args: [...args], stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs a program and returns its stdout. @throws Error with its output when its exit code is not 0 */
export async function outputOf(program: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(program, args);
  if (code === 0) return stdout;
  throw new Error(`${program} ended with ${code}: ${stdout}${stderr}`);
}

/** Runs a command line in a shell and returns its stdout, followed by its stderr. */
export async function shellText(line: string, shell = "sh"): Promise<string> {
  const { stdout, stderr } = await runCommand(shell, ["-c", line]);
  return stdout + stderr;
}

/** Runs a command line as a person would paste it, with `cwd` as the home directory. */
export async function runShell(line: string, cwd: string): Promise<Output> {
  // curl reads a configuration in the home directory.
  const env = { HOME: cwd, PATH: "/usr/bin:/bin", no_proxy: "*" };
  return await runCommand("/bin/sh", ["-c", line], { cwd, env, clearEnv: true });
}
