import assert from "node:assert/strict";
import { CURL, peerTest } from "../../peers/require.ts";
import { runCommand } from "../../support/command.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { startDownloadSite } from "../download_site.ts";
import { checkForm, settingsOf } from "./forms.ts";
import { packed, REPOSITORY } from "./packed.ts";

const FILES = ["SHA256SUMS", "mcp-remote-exec-linux-x64"];

/** Registers the tests of the executable as install.sh installs it. */
export function installedTests(): void {
  peerTest({
    peer: CURL,
    name: "install.sh of a release installs its executable, which starts and answers",
    async fn() {
      const { directory } = await packed();
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
}
