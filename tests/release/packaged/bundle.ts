import assert from "node:assert/strict";
import { toolsOf } from "../../support/catalogs.ts";
import { bundleConfig, BUNDLER, unpackBundle, validateManifest } from "../../judges/bundles.ts";
import { peerTest, SSHD } from "../../peers/require.ts";
import type { Place } from "../../support/places.ts";
import { connectServer } from "../../support/server.ts";
import { startSshd } from "../../peers/sshd.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { checkForm } from "./forms.ts";
import { assertExecutable, packed } from "./packed.ts";

/** The fields of a manifest that are compared here. */
interface Manifest {
  readonly tools: readonly { readonly name: string }[];
}

/** Registers the tests of the bundles for Claude Desktop. */
export function bundleTests(): void {
  peerTest({
    peer: [...BUNDLER, SSHD],
    name: "a bundle unpacked by mcpb starts with its own command and answers, also a new user",
    async fn() {
      const directory = await packed();
      using place = temporaryDirectory();
      const folder = `${place.path}/Claude Extensions 試`;
      await unpackBundle(`${directory}/mcp-remote-exec-linux-x64.mcpb`, folder);
      const path = `${folder}/manifest.json`;
      await validateManifest(path);
      assertExecutable(`${folder}/server/mcp-remote-exec`);
      // Its shape was just validated.
      const manifest = JSON.parse(Deno.readTextFileSync(path)) as Manifest;
      const names = (await toolsOf("proxmox")).map(({ name }) => name);
      assert.deepEqual(manifest.tools.map(({ name }) => name), names);
      await checkForm(async (used) => {
        const config = await bundleConfig(manifest, folder, filledIn(used));
        assert.ok(config !== undefined);
        return { command: { path: config.command, args: config.args }, env: config.env };
      });
      await answersNewUser(manifest, folder);
    },
  });
}

/** Somebody with an empty home directory has only the form. */
async function answersNewUser(manifest: Manifest, folder: string): Promise<void> {
  await using sshd = await startSshd();
  using home = temporaryDirectory();
  const config = await bundleConfig(manifest, folder, {
    ...{ accept_risks: true, host: sshd.host, port: sshd.port, username: sshd.username },
    ...{ key_file: sshd.keyPath, check_host_key: false, working_directory: home.path },
  });
  assert.ok(config !== undefined);
  await using server = await connectServer({
    command: { path: config.command, args: config.args },
    env: { ...config.env, HOME: home.path, PATH: "/usr/bin:/bin" },
    cwd: "/",
  });
  const { data } = await server.call("ssh_exec_command", { command: "echo $USER" });
  assert.equal(data.stdout, `${sshd.username}\n`);
}

/** What a user fills in; the user name and the port only because the host of the tests has unusual ones. */
const filledIn = ({ env }: Place) => ({
  accept_risks: true,
  host: env.HOST ?? "",
  username: env.SSH_USERNAME ?? "",
  port: Number(env.SSH_PORT),
  password: env.SSH_PASSWORD ?? "",
  working_directory: env.WORKING_DIRECTORY ?? "",
});
