/** Runs a command line as a person would paste it. */
export async function runShell(command: string, cwd: string) {
  const output = await new Deno.Command("/bin/sh", {
    args: ["-c", command],
    cwd,
    // curl reads a configuration in the home directory.
    env: { HOME: cwd, PATH: "/usr/bin:/bin", no_proxy: "*" },
    clearEnv: true,
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, stdout: decode(output.stdout), stderr: decode(output.stderr) };
}
