import assert from "node:assert/strict";
import { onPath, peerTest } from "../peers/require.ts";
import { INSPECTOR, inspectorPath } from "../judges/programs.ts";
import { programCommand, runtimeEnvironment } from "../support/program.ts";
import { startSshHost } from "../fakes/ssh_host.ts";

/** Runs the inspector's command line against the real server and returns its parsed answer. */
async function inspect(env: Record<string, string>, cwd: string, method: readonly string[]) {
  const { path, args } = programCommand();
  const variables = Object.entries({ ...runtimeEnvironment(), ...env }).flatMap((
    [name, value],
  ) => ["-e", `${name}=${value}`]);
  const { stdout, stderr, code } = await new Deno.Command(onPath("node"), {
    args: [inspectorPath, "--cli", ...variables, ...method, "--", path, ...args],
    cwd,
    stdin: "null",
    signal: AbortSignal.timeout(180_000),
  }).output();
  const decoder = new TextDecoder();
  assert.equal(code, 0, decoder.decode(stderr));
  return JSON.parse(decoder.decode(stdout));
}

peerTest({
  peer: INSPECTOR,
  name: "the MCP inspector lists the tools and runs a command",
  async fn() {
    await using host = await startSshHost();
    const known = `${host.directory}/../${crypto.randomUUID()}`;
    await Deno.writeTextFile(known, host.hostKeyLines());
    try {
      const env = {
        I_ACCEPT_RISKS: "true",
        HOST: host.hostname,
        SSH_PORT: String(host.port),
        SSH_USERNAME: host.username,
        SSH_PASSWORD: host.password,
        SSH_KNOWN_HOSTS: known,
      };
      const { tools } = await inspect(env, host.directory, ["--method", "tools/list"]);
      assert.ok(tools.some((tool: { name: string }) => tool.name === "ssh_exec_command"));
      const call = [
        "--method",
        "tools/call",
        "--tool-name",
        "ssh_exec_command",
        "--tool-arg",
        "command=echo seen",
      ];
      const answer = await inspect(env, host.directory, call);
      assert.equal(answer.structuredContent.stdout, "seen\n");
    } finally {
      await Deno.remove(known);
    }
  },
});
