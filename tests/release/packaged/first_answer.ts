import assert from "node:assert/strict";
import { CURL, peerTest, SSH_KEYGEN, SSHD } from "../../peers/require.ts";
import { startSshd } from "../../peers/sshd.ts";
import { outputOf, runCommand } from "../../support/command.ts";
import { connectServer } from "../../support/server.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { startDownloadSite } from "../download_site.ts";
import { checkForm, settingsOf } from "./forms.ts";
import { packed, REPOSITORY } from "./packed.ts";

/** The part of Claude Desktop's file that starts the server. */
interface ClientFile {
  readonly mcpServers: {
    readonly remote: {
      readonly command: string;
      readonly args?: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    };
  };
}

/** Registers the test of a new user, who has nothing but an empty home directory and the README. */
export function firstAnswerTests(): void {
  peerTest({
    peer: [CURL, SSHD, SSH_KEYGEN],
    name: "four steps lead from an empty home to the first answer of a real host",
    async fn() {
      const directory = await packed();
      await using site = startDownloadSite();
      for (const name of ["SHA256SUMS", "mcp-remote-exec-linux-x64"]) {
        site.files.set(name, Deno.readFileSync(`${directory}/${name}`));
      }
      await using sshd = await startSshd();
      using place = temporaryDirectory();
      const home = `${place.path}/new user 試`;
      Deno.mkdirSync(home);
      const env = { HOME: home, PATH: "/usr/bin:/bin" };
      const step = async (path: string, ...args: string[]) => {
        const options = {
          cwd: home,
          env: { ...env, MCP_REMOTE_EXEC_URL: site.url },
          clearEnv: true,
        };
        const { code, stdout, stderr } = await runCommand(path, args, options);
        assert.equal(code, 0, stdout + stderr);
        return stdout;
      };

      const script = `${directory}/install.sh`;
      assert.ok(Deno.readTextFileSync(script).includes(`'${REPOSITORY}/releases/download/v`));
      const installed = await step("/bin/sh", script);
      assert.match(installed, /^Installed mcp-remote-exec version \d+\.\d+\.\d+: /m);
      const program = `${home}/.local/bin/mcp-remote-exec`;
      const address = `${sshd.host}:${sshd.port}`;
      await step(program, "trust", address, "--yes", await fingerprintOf(sshd.knownHostsText));
      await step(
        program,
        ...["install", `${sshd.username}@${address}`, "--client", "claude-desktop"],
        ...["--accept-risks", "--env", `SSH_KEY=${sshd.keyPath}`],
      );
      const file = Deno.readTextFileSync(`${home}/.config/Claude/claude_desktop_config.json`);
      // The program has just written it.
      const { remote } = (JSON.parse(file) as ClientFile).mcpServers;
      const command = { path: remote.command, args: remote.args ?? [] };
      const variables = { ...env, ...remote.env };
      await using server = await connectServer({ command, env: variables, cwd: home });
      const { data } = await server.call("ssh_exec_command", { command: "echo $USER" });
      assert.equal(data.stdout, `${sshd.username}\n`);
      await checkForm((used) => ({ command, env: settingsOf(used) }));
    },
  });
}

async function fingerprintOf(knownHosts: string): Promise<string> {
  using place = temporaryDirectory();
  Deno.writeTextFileSync(`${place.path}/known_hosts`, knownHosts);
  const listed = await outputOf("ssh-keygen", "-l", "-f", `${place.path}/known_hosts`);
  return listed.split(" ")[1] ?? "";
}
