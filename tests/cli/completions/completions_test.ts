import assert from "node:assert/strict";
import { completions } from "../../../src/cli/completions/completions.ts";
import { COMMANDS, OPTIONS, type Shell, SHELLS } from "../../../src/cli/commands.ts";
import { CLIENT_IDS } from "../../../src/cli/install/clients.ts";
import { peer, peerTest } from "../../peers/require.ts";
import { runCommand } from "../../support/command.ts";
import { projectFile } from "../../support/project.ts";
import { pure } from "../../support/pure.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

/** Returns the words that a shell offers for the last word of each line. */
type Offers = (file: string, lines: readonly string[], home: string) => Promise<string[][]>;

const run = async (home: string, program: string, ...args: string[]): Promise<string> => {
  const env = { HOME: home, PATH: "/usr/bin:/bin", TERM: "dumb", LC_ALL: "C.UTF-8" };
  const { code, stdout, stderr } = await runCommand(program, args, {
    cwd: home,
    env,
    clearEnv: true,
  });
  assert.equal(code, 0, stdout + stderr);
  assert.equal(stderr, "");
  return stdout;
};

const OFFERS: Readonly<Record<Exclude<Shell, "powershell">, Offers>> = {
  async bash(file, lines, home) {
    const script = `source "$1"; shift; for line; do COMP_WORDS=($line); ` +
      `[[ $line == *" " ]] && COMP_WORDS+=(""); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); ` +
      `_mcp_remote_exec; printf '%s\\n' "\${COMPREPLY[@]}" "<END>"; done`;
    const out = await run(home, "bash", "-c", script, "bash", file, ...lines);
    return eachOf(out).map((text) => text.split("\n"));
  },
  async fish(file, lines, home) {
    const script = "source $argv[1]; for line in $argv[2..]; complete -C $line; echo '<END>'; end";
    const out = await run(home, "fish", "-N", "-c", script, file, ...lines);
    return eachOf(out).map((text) => text.split("\n").map((row) => row.split("\t")[0] ?? ""));
  },
  async zsh(file, lines, home) {
    const probe = projectFile("tests/cli/completions/zsh_probe.zsh");
    const out = await run(home, "zsh", "-f", probe, file, ...lines);
    return eachOf(out).map((text) =>
      [...text.matchAll(/<([^<>\r\n]+)>/g)].map(([, word = ""]) => word)
    );
  },
};

const eachOf = (text: string): string[] => text.split("<END>").slice(0, -1);

const NAMES = COMMANDS.map(({ name }) => name);
const CASES: readonly (readonly [string, readonly string[]])[] = [
  ["mcp-remote-exec ", NAMES],
  ["mcp-remote-exec ins", ["install"]],
  ["mcp-remote-exec install --client ", CLIENT_IDS],
  ["mcp-remote-exec install -c cu", ["cursor"]],
  ["mcp-remote-exec install --acc", ["--accept-risks"]],
  ["mcp-remote-exec setup --env SSH_KEY", ["SSH_KEY=", "SSH_KEY_PASSPHRASE="]],
  ["mcp-remote-exec trust ", ["web1", "web2"]],
  ["mcp-remote-exec trust --env-file my", ["my.env"]],
  ["mcp-remote-exec --env-file my.env doc", ["doctor"]],
  ["mcp-remote-exec doctor --js", ["--json"]],
  ["mcp-remote-exec completions ", SHELLS],
  ["mcp-remote-exec help v", ["variables", "version"]],
];

for (const [shell, offers] of Object.entries(OFFERS)) {
  peerTest({
    name: `${shell} offers commands, options, values, hosts and files`,
    peer: peer(shell, `/usr/bin/${shell}`),
    async fn() {
      using place = temporaryDirectory();
      const file = `${place.path}/completions`;
      Deno.writeTextFileSync(file, completions(shell as Shell)); // a key of the table above
      Deno.mkdirSync(`${place.path}/.ssh`);
      const config = "Host web1 web* !other\nHostName x\nhost web2\nHost $(touch${IFS}owned)\n";
      Deno.writeTextFileSync(`${place.path}/.ssh/config`, config);
      Deno.writeTextFileSync(`${place.path}/my.env`, "");
      const found = await offers(file, CASES.map(([line]) => line), place.path);
      for (const [index, [line, expected]] of CASES.entries()) {
        const all = (found[index] ?? []).filter((word) => word !== "");
        // Options are offered beside words in some shells.
        const words = line.includes(" --") ? all : all.filter((word) => !word.startsWith("-"));
        assert.deepEqual([...new Set(words)].sort(), [...expected].sort(), `${shell}: ${line}`);
      }
      assert.throws(() => Deno.statSync(`${place.path}/owned`), Deno.errors.NotFound);
    },
  });
}

for (const shell of SHELLS) {
  pure(`completions("${shell}") has every command and option`, () => {
    const text = completions(shell);
    for (const name of NAMES) assert.ok(text.includes(name), name);
    for (const name of OPTIONS.keys()) {
      assert.match(text, new RegExp(shell === "fish" ? `-l ${name} ` : `--${name}`), name);
    }
  });
}
