import assert from "node:assert/strict";
import { CURL, peer, peerTest, ROOT } from "../../peers/require.ts";
import { runCommand } from "../../support/command.ts";
import type { CommandLine } from "../../support/server.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { startDownloadSite } from "../download_site.ts";
import { checkForm, settingsOf } from "./forms.ts";
import { BINARY, packed, REPOSITORY } from "./packed.ts";

const FILES = ["SHA256SUMS", "mcp-remote-exec-linux-x64"];

const UNSHARE = peer("unshare", ["/usr/bin/unshare", "/usr/bin/setpriv"], "util-linux");
/** The user of the image; no system has an entry for it. */
const NOBODY = 65_532;

/** Registers the tests of the executable as install.sh installs it. */
export function installedTests(): void {
  peerTest({
    peer: CURL,
    name: "install.sh of a release installs its executable, which starts and answers",
    async fn() {
      const directory = await packed();
      await using site = startDownloadSite();
      for (const name of FILES) site.files.set(name, Deno.readFileSync(`${directory}/${name}`));
      using place = temporaryDirectory();
      const home = `${place.path}/mit leer 試`;
      const script = `${directory}/install.sh`;
      assert.ok(Deno.readTextFileSync(script).includes(`'${REPOSITORY}/releases/download/v`));
      const { code, stdout, stderr } = await runCommand("/bin/sh", [script], {
        env: { HOME: home, PATH: "/usr/bin:/bin", MCP_REMOTE_EXEC_URL: site.url },
        clearEnv: true,
      });
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, /^Installed mcp-remote-exec version \d+\.\d+\.\d+: /m);
      const command = { path: `${home}/.local/bin/mcp-remote-exec`, args: [] };
      await checkForm((used) => ({ command, env: settingsOf(used) }));
    },
  });

  peerTest({
    peer: [ROOT, UNSHARE],
    name: "the executable works as a user without rights on a read-only root, as in the image",
    async fn() {
      using place = temporaryDirectory();
      const path = `${place.path}/mcp-remote-exec`;
      Deno.copyFileSync(BINARY ?? "", path);
      Deno.chmodSync(place.path, 0o755);
      await checkForm(({ env, home }) => {
        const knownHosts = `${place.path}/known_hosts`;
        Deno.copyFileSync(`${home}/.ssh/known_hosts`, knownHosts);
        return {
          command: inImage(path),
          env: {
            ...env,
            SSH_KNOWN_HOSTS: knownHosts,
            WORKING_DIRECTORY: place.path,
            HOME: "/nonexistent",
            PATH: "/usr/bin:/bin",
          },
        };
      });
    },
  });
}

/** Returns the command line of a program with the root and the user of the image. */
const inImage = (path: string): CommandLine => ({
  path: "/usr/bin/unshare",
  args: [
    ...["--mount", "sh", "-c"],
    'mount -o remount,bind,ro / && exec setpriv --reuid=$1 --regid=$1 --clear-groups -- "$2"',
    ...["sh", `${NOBODY}`, path],
  ],
});
