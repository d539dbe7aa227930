import assert from "node:assert/strict";
import type { CallToolResult } from "@modelcontextprotocol/sdk/types";
import { tarballName } from "../../../release/targets.ts";
import { npmEnvironment, startRegistry, VERDACCIO } from "../../judges/verdaccio.ts";
import { onPath, peerTest, SSH_KEYGEN, SSHD } from "../../peers/require.ts";
import { callsAndCancels } from "../../support/calls_and_cancels.ts";
import { startPlace } from "../../support/places.ts";
import { connectServer } from "../../support/server.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { leadToFirstAnswer } from "./first_answer.ts";
import { checkForm, settingsOf } from "./forms.ts";
import { assertExecutable, packed } from "./packed.ts";

/** Registers the tests of the npm packages. */
export function npmPackageTests(): void {
  peerTest({
    peer: [...VERDACCIO, SSHD, SSH_KEYGEN],
    name:
      "npx runs the program from a registry: a client calls and cancels, a new user gets an answer",
    async fn() {
      const directory = await packed();
      await using registry = await startRegistry();
      await registry.publish(`${directory}/${tarballName("mcp-remote-exec-linux-x64")}`);
      await registry.publish(`${directory}/${tarballName("mcp-remote-exec")}`);
      using place = temporaryDirectory();
      const home = `${place.path}/mit leer 試`;
      Deno.mkdirSync(home);
      const env = npmEnvironment(home);
      const npx = ["-y", `--registry=${registry.url}`, "mcp-remote-exec"];
      assert.match(await outputOf(npx, env), /^mcp-remote-exec version \d+\.\d+\.\d+\n$/);
      await session({ path: onPath("npx"), args: npx }, env);
      const user = { ...env, npm_config_registry: registry.url };
      const written = await leadToFirstAnswer({ path: onPath("npx"), args: npx }, home, user);
      assert.deepEqual(written.args, ["-y", "mcp-remote-exec"]);
      const modules = `${npxFolder(home)}/node_modules`;
      assertExecutable(`${modules}/mcp-remote-exec-linux-x64/bin/mcp-remote-exec`);
      const launcher = `${modules}/mcp-remote-exec/launcher.js`;
      const command = { path: onPath("node"), args: [launcher] };
      await checkForm((used) => ({ command, env: settingsOf(used) }));
    },
  });
}

async function outputOf(npx: readonly string[], env: Record<string, string>): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(onPath("npx"), {
    args: [...npx, "--version"],
    cwd: env.HOME ?? "/",
    env,
    clearEnv: true,
    stdin: "null",
  }).output();
  return new TextDecoder().decode(stdout) || new TextDecoder().decode(stderr);
}

/** Uses the program as Claude Desktop does with `npx` as its command. */
async function session(
  command: { readonly path: string; readonly args: readonly string[] },
  env: Readonly<Record<string, string>>,
): Promise<void> {
  await using place = await startPlace();
  await using server = await connectServer({
    command,
    env: { ...place.env, ...env, SSH_KNOWN_HOSTS: `${place.home}/.ssh/known_hosts` },
    cwd: place.directory,
  });
  await callsAndCancels({
    listTools: () => server.client.listTools(),
    // The older form of a result is not asked for.
    call: async (params, options) =>
      await server.client.callTool(params, undefined, options) as CallToolResult,
  });
  const { code, signal } = await server.end();
  assert.deepEqual([code, signal], [0, null]);
}

/** Where npx has installed its package. */
function npxFolder(home: string): string {
  const [entry] = [...Deno.readDirSync(`${home}/.npm/_npx`)];
  return `${home}/.npm/_npx/${entry?.name}`;
}
