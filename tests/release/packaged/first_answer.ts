import assert from "node:assert/strict";
import { CURL, onPath, peerTest, SSH_KEYGEN, SSHD } from "../../peers/require.ts";
import { startSshd } from "../../peers/sshd.ts";
import { outputOf, runCommand } from "../../support/command.ts";
import { type CommandLine, connectServer } from "../../support/server.ts";
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
      using place = temporaryDirectory();
      const home = `${place.path}/new user 試`;
      Deno.mkdirSync(home);
      const env = { HOME: home, PATH: "/usr/bin:/bin" };
      const script = `${directory}/install.sh`;
      assert.ok(Deno.readTextFileSync(script).includes(`'${REPOSITORY}/releases/download/v`));
      const from = { ...env, MCP_REMOTE_EXEC_URL: site.url };
      const installed = await succeed("/bin/sh", [script], home, from);
      assert.match(installed, /^Installed mcp-remote-exec version \d+\.\d+\.\d+: /m);
      const program = { path: `${home}/.local/bin/mcp-remote-exec`, args: [] };
      const command = await leadToFirstAnswer(program, home, env);
      await checkForm((used) => ({ command, env: settingsOf(used) }));
    },
  });
}

/**
 * Takes a new user from the program to the first answer of a real host: trusts the host, writes the client's file, and
 * starts what that file says.
 *
 * @returns the command in the client's file
 */
export async function leadToFirstAnswer(
  program: CommandLine,
  home: string,
  env: Readonly<Record<string, string>>,
): Promise<CommandLine> {
  await using sshd = await startSshd();
  const run = (...args: string[]) =>
    succeed(program.path, [...program.args, ...args], home, { ...env });
  const address = `${sshd.host}:${sshd.port}`;
  await run("trust", address, "--yes", await fingerprintOf(sshd.knownHostsText));
  await run(
    ...["install", `${sshd.username}@${address}`, "--client", "claude-desktop"],
    ...["--accept-risks", "--env", `SSH_KEY=${sshd.keyPath}`],
  );
  const file = Deno.readTextFileSync(`${home}/.config/Claude/claude_desktop_config.json`);
  // The program has just written it.
  const { remote } = (JSON.parse(file) as ClientFile).mcpServers;
  const path = remote.command.startsWith("/") ? remote.command : onPath(remote.command);
  const command = { path, args: remote.args ?? [] };
  await using server = await connectServer({ command, env: { ...env, ...remote.env }, cwd: home });
  const { data } = await server.call("ssh_exec_command", { command: "echo $USER" });
  assert.equal(data.stdout, `${sshd.username}\n`);
  return command;
}

async function succeed(
  path: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string>,
): Promise<string> {
  const { code, stdout, stderr } = await runCommand(path, args, { cwd, env, clearEnv: true });
  assert.equal(code, 0, stdout + stderr);
  return stdout;
}

async function fingerprintOf(knownHosts: string): Promise<string> {
  using place = temporaryDirectory();
  Deno.writeTextFileSync(`${place.path}/known_hosts`, knownHosts);
  const listed = await outputOf("ssh-keygen", "-l", "-f", `${place.path}/known_hosts`);
  return listed.split(" ")[1] ?? "";
}
