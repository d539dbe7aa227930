import assert from "node:assert/strict";
import { bundleManifest, FIELDS } from "../../release/bundle.ts";
import { TARGETS } from "../../release/targets.ts";
import { bundleConfig, BUNDLER, type UserConfig, validateManifest } from "../judges/bundles.ts";
import { peerTest } from "../peers/require.ts";
import { runProgram } from "../support/program.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const REPOSITORY = "https://git.example/someone/mcp-remote-exec";

peerTest({
  peer: BUNDLER,
  name: "mcpb accepts the manifest of each system, with and without a repository",
  async fn() {
    using place = temporaryDirectory();
    const path = `${place.path}/manifest.json`;
    for (const [at, target] of TARGETS.entries()) {
      const manifest = await bundleManifest(target, at % 2 === 0 ? REPOSITORY : undefined);
      Deno.writeTextFileSync(path, JSON.stringify(manifest));
      await validateManifest(path);
    }
    Deno.writeTextFileSync(path, JSON.stringify({ manifest_version: "0.3", name: "x" }));
    await assert.rejects(validateManifest(path), /version: Required/);
  },
});

peerTest({
  peer: BUNDLER,
  name: "fields of a bundle's form that the user left empty count as not set",
  async fn() {
    using place = temporaryDirectory();
    const [target] = TARGETS;
    assert.ok(target !== undefined);
    const manifest = await bundleManifest(target, undefined);
    const filled: UserConfig = {
      ...{ accept_risks: true, host: "server.example", password: "x" },
      working_directory: place.path,
    };
    const optional = FIELDS.filter(([, name, field]) =>
      !(name in filled) && field.default === undefined
    );
    assert.deepEqual(
      optional.map(([, name]) => name),
      ["username", "port", "key_file", "key_passphrase"],
    );
    const empty = Object.fromEntries(optional.map(([, name]) => [name, ""]));
    for (
      const [userConfig, unfilled] of [[filled, "${user_config.port}"], [
        { ...filled, ...empty },
        "",
      ]] as const
    ) {
      const config = await bundleConfig(manifest, "/bundle", userConfig);
      assert.ok(config !== undefined);
      assert.equal(config.command, "/bundle/server/mcp-remote-exec");
      assert.deepEqual([config.env.SSH_PORT, config.env.READ_ONLY], [unfilled, "false"]);
      const { code, stdout, stderr } = await runProgram(["permissions"], {
        cwd: place.path,
        env: { ...config.env, SSH_KNOWN_HOSTS: `${place.path}/hosts` },
      });
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, /^ {2}net {4}server\.example:22$/m);
      assert.equal(
        /^ {2}read {3}(.+)$/m.exec(stdout)?.[1],
        `${place.path}/hosts, /etc/ssh/ssh_known_hosts, ${place.path}`,
      );
    }
    const { host: _, ...incomplete } = filled;
    assert.equal(await bundleConfig(manifest, "/bundle", incomplete), undefined);
  },
});
