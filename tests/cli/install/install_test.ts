import assert from "node:assert/strict";
import type { InstallTask } from "../../../src/cli/arguments.ts";
import { runInstall } from "../../../src/cli/install/install.ts";
import type { RunningProgram } from "../../../src/cli/install/server_entry.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const TASK: InstallTask = {
  ...{ kind: "install", hosts: ["web1"], clients: ["cursor"], name: undefined, variables: [] },
  ...{ envFile: undefined, acceptsRisks: true, printsOnly: false },
};
const PROGRAM: RunningProgram = {
  ...{ os: "linux", isCompiled: true, executable: "/opt/my tools/mcp-remote-exec" },
  ...{ sourceTree: "/src", denoVersion: "2.9.4" },
};

/** Returns what is printed, on stdout and stderr. */
function install(
  task: Partial<InstallTask>,
  program: Partial<RunningProgram> = {},
  home?: string,
): string {
  using place = temporaryDirectory();
  const printed: string[] = [];
  const print = (text: string) => void printed.push(text);
  const running = { ...PROGRAM, ...program };
  const code = runInstall({ ...TASK, ...task }, {
    places: { os: "linux", home: home ?? place.path, env: {} },
    program: running,
    hostNames: () => [],
    exists: () => true,
    terminal: { isInteractive: false, print, printError: print, ask: () => "" },
  });
  assert.equal(code, 0);
  return printed.join("");
}

const lastLines = (text: string, count: number) => text.trimEnd().split("\n").slice(-count);

Deno.test("install prints a check that starts the program as the client does", () => {
  const variables = "I_ACCEPT_RISKS=true HOST=web1";
  assert.deepEqual(lastLines(install({}), 1), [
    `Check: ${variables} '/opt/my tools/mcp-remote-exec' doctor`,
  ]);
  const executable = "/home/me/.npm/_npx/1/node_modules/mcp-remote-exec-linux-x64/bin/x";
  assert.deepEqual(lastLines(install({}, { executable }), 1), [
    `Check: ${variables} npx -y mcp-remote-exec doctor`,
  ]);
  assert.deepEqual(lastLines(install({ envFile: "/etc/my.env", hosts: [] }), 1), [
    "Check: '/opt/my tools/mcp-remote-exec' --env-file /etc/my.env doctor",
  ]);
});

Deno.test("install prints a check for PowerShell on Windows", () => {
  const executable = "C:\\Users\\O'Hara\\mcp-remote-exec.exe";
  assert.deepEqual(lastLines(install({}, { os: "windows", executable }), 1), [
    "Check: $env:I_ACCEPT_RISKS='true'; $env:HOST='web1'; & 'C:\\Users\\O''Hara\\mcp-remote-exec.exe' doctor",
  ]);
});

Deno.test("install names the variables that its check lacks, without their values", () => {
  const printed = install({ variables: ["SSH_PASSWORD=open sesame", "TIMEOUT=5"] });
  assert.deepEqual(lastLines(printed, 1), ["  Set these too: SSH_PASSWORD, TIMEOUT"]);
  assert.doesNotMatch(printed, /sesame/);
});

Deno.test({
  name: "install says when other users can read the secret that it wrote",
  ignore: Deno.build.os === "windows",
  fn() {
    using place = temporaryDirectory();
    const path = `${place.path}/.cursor/mcp.json`;
    const secret = { variables: ["SSH_PASSWORD_jump=open sesame"] };
    assert.doesNotMatch(install(secret, {}, place.path), /chmod/);
    Deno.chmodSync(path, 0o640);
    assert.doesNotMatch(install({ hosts: ["web2"] }, {}, place.path), /chmod/);
    const printed = install({ variables: ["SSH_PASSWORD=open sesame"] }, {}, place.path);
    assert.ok(printed.includes(`  other users can read its secrets; run: chmod 600 ${path}\n`));
  },
});

Deno.test("install prints no character that steers a terminal", () => {
  const printed = install({ name: "\u009b31mred\u202e\x1b[0m" });
  assert.match(printed, /the server "\\x9b31mred\\u202e\\u001b\[0m" was added/);
  assert.doesNotMatch(printed.replaceAll("\n", ""), /[\p{Cc}\u202e]/u);
  const host = "we\u009bb1\u202e";
  assert.doesNotMatch(install({ hosts: [host] }).replaceAll("\n", ""), /[\p{Cc}\u202e]/u);
});
