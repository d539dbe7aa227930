import assert from "node:assert/strict";
import { runProgram, runtimeEnvironment } from "../support/program.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const SSH_CONFIG = `Host github.com
  User git
Host web1
  HostName 192.0.2.1
  User deploy
`;

/** An empty home directory whose path has spaces and other letters. */
function emptyHome(files: Readonly<Record<string, string>> = {}) {
  const place = temporaryDirectory();
  const home = `${place.path}/my home 家`;
  Deno.mkdirSync(home);
  for (const [name, text] of Object.entries(files)) {
    Deno.mkdirSync(`${home}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${home}/${name}`, text);
  }
  return {
    home,
    install: (...args: string[]) =>
      runProgram(["install", ...args], { cwd: home, env: { HOME: home, SSH_CONFIG: "" } }),
    read: (name: string) => Deno.readTextFileSync(`${home}/${name}`),
    files: (directory: string) => [...Deno.readDirSync(`${home}/${directory}`)].map((e) => e.name),
    [Symbol.dispose]: () => place[Symbol.dispose](),
  };
}

Deno.test("install adds the only host of ~/.ssh/config to the only client, once", async () => {
  using place = emptyHome({ ".ssh/config": SSH_CONFIG, ".cursor/other": "" });
  const first = await place.install("--accept-risks");
  assert.deepEqual([first.code, first.stderr], [0, ""]);
  assert.match(first.stdout, /^Cursor: the server "remote" was added to .*\/\.cursor\/mcp\.json$/m);
  const text = place.read(".cursor/mcp.json");
  const { remote } = JSON.parse(text).mcpServers;
  assert.deepEqual(remote.env, { I_ACCEPT_RISKS: "true", HOST: "web1" });
  assert.ok(Deno.env.get("MRE_BINARY") === undefined || remote.command.startsWith("/"));
  const second = await place.install("--accept-risks");
  assert.match(second.stdout, /is already in/);
  assert.equal(place.read(".cursor/mcp.json"), text);
  assert.deepEqual(place.files(".cursor").sort(), ["mcp.json", "other"]);
});

Deno.test("install starts a server with what it wrote", async () => {
  using place = emptyHome();
  const { stdout } = await place.install(
    "192.0.2.1",
    "--print",
    "--accept-risks",
    "-e",
    "TIMEOUT=0",
  );
  const { command, args = [], env } = JSON.parse(stdout).mcpServers.remote;
  // npx would look for Deno in the registry.
  const [path, ...rest] = command === "npx"
    ? [Deno.execPath(), ...args.slice(2)]
    : [command, ...args];
  const program = new Deno.Command(path, {
    args: rest,
    env: { HOME: place.home, ...runtimeEnvironment(), ...env, STRICT_START: "true" },
    ...{ clearEnv: true, cwd: place.home, stdin: "null", stdout: "piped", stderr: "piped" },
  });
  // Only the value that `-e` gave is wrong.
  const { code, stderr } = await program.output();
  assert.match(new TextDecoder().decode(stderr), /^TIMEOUT must be a whole number from 1 to 300/m);
  assert.equal(code, 2);
});

Deno.test("install keeps other servers, comments and the mode, and a copy of the old file", async () => {
  const before = '{\n  // mine\n  "servers": {\n    "a": { "command": "b" } // first\n  }\n}\n';
  using place = emptyHome({ ".config/Code/User/mcp.json": before });
  const path = `${place.home}/.config/Code/User/mcp.json`;
  Deno.chmodSync(path, 0o640);
  const { code, stdout } = await place.install("web1", "--client", "vscode", "--accept-risks");
  assert.equal(code, 0);
  const text = Deno.readTextFileSync(path);
  assert.ok(text.startsWith(before.slice(0, before.indexOf(" // first"))), text);
  assert.match(
    text,
    /"a": \{ "command": "b" \}, \/\/ first\n {4}"remote": \{\n {6}"type": "stdio",/,
  );
  const kept = /old file: (.*)/.exec(stdout)?.[1] ?? "";
  assert.equal(Deno.readTextFileSync(kept), before);
  for (const each of [path, kept]) assert.equal((Deno.statSync(each).mode ?? 0) & 0o777, 0o640);
});

Deno.test("install writes a secret only if --env gives it, and never shows it", async () => {
  using place = emptyHome();
  const { code, stdout, stderr } = await runProgram(
    ["install", "bob@192.0.2.1:2222", "-c", "zed", "--accept-risks", "-e", "SUDO_PASSWORD=giv3n"],
    { cwd: place.home, env: { HOME: place.home, SSH_PASSWORD: "n0t-given" } },
  );
  assert.equal(code, 0, stderr);
  const { remote } = JSON.parse(place.read(".config/zed/settings.json")).context_servers;
  assert.deepEqual(remote.env, {
    ...{ I_ACCEPT_RISKS: "true", HOST: "192.0.2.1", SSH_USERNAME: "bob", SSH_PORT: "2222" },
    SUDO_PASSWORD: "giv3n",
  });
  assert.doesNotMatch(stdout + stderr, /giv3n/);
  assert.equal((Deno.statSync(`${place.home}/.config/zed/settings.json`).mode ?? 0) & 0o777, 0o600);
});

Deno.test("install lets the server read its variables from a file, by its absolute path", async () => {
  using place = emptyHome({ "my.env": "HOST=h\n" });
  const { code, stdout, stderr } = await place.install(
    "--print",
    "-c",
    "cursor",
    "--env-file",
    "my.env",
  );
  assert.equal(code, 0, stderr);
  const { remote } = JSON.parse(stdout).mcpServers;
  assert.equal(remote.env, undefined);
  assert.deepEqual(remote.args.slice(-2), ["--env-file", `${place.home}/my.env`]);
});

Deno.test("install --print writes nothing, not even with a client's file that is broken", async () => {
  using place = emptyHome({ ".cursor/mcp.json": "{" });
  const { code, stdout, stderr } = await place.install("web1", "--print", "--client", "cursor");
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout).mcpServers.remote.env, {
    I_ACCEPT_RISKS: "false",
    HOST: "web1",
  });
  assert.match(stderr, /^# Cursor: .*\/\.cursor\/mcp\.json\n# Set I_ACCEPT_RISKS to true/);
  assert.deepEqual(place.files(".").concat(place.files(".cursor")), [".cursor", "mcp.json"]);
});

const REFUSED: readonly (readonly [string, Record<string, string>, string[], RegExp])[] = [
  [
    "a file that is not JSON",
    { ".cursor/mcp.json": "{ 1" },
    ["h"],
    /was not changed: it is not JSON/,
  ],
  [
    "to guess the client",
    { ".cursor/a": "", ".gemini/b": "" },
    ["h"],
    /^several MCP clients .*gemini/,
  ],
  ["to install for no client", {}, ["h"], /^no MCP client was found/],
  [
    "to guess the host",
    { ".ssh/config": "Host a b\n", ".cursor/a": "" },
    [],
    /several hosts: a, b$/m,
  ],
  ["to install for no host", { ".cursor/a": "" }, [], /^no host was given/],
  [
    "an unknown client",
    {},
    ["h", "-c", "crusor"],
    /^unknown client "crusor"; did you mean cursor\?/,
  ],
  ["an unknown variable", { ".cursor/a": "" }, ["h", "-e", "SSH_USER=x"], /mean SSH_USERNAME\?/],
];

for (const [what, files, args, message] of REFUSED) {
  Deno.test(`install refuses ${what}, changes nothing and asks nothing`, async () => {
    using place = emptyHome(files);
    const { code, stdout, stderr } = await place.install(...args, "--accept-risks");
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, message);
    assert.match(stderr, /\n {2}-> \S/);
    for (const [name, text] of Object.entries(files)) assert.equal(place.read(name), text);
  });
}

Deno.test("install says what it may not write, in a home that nobody can write", async () => {
  // Root may write into every directory, but not below a file.
  using place = emptyHome({ ".cursor": "" });
  Deno.chmodSync(place.home, 0o555);
  try {
    const { code, stdout, stderr } = await place.install(
      "h",
      "--client",
      "cursor",
      "--accept-risks",
    );
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^Cannot (read|write) .*\/\.cursor\/mcp\.json: .*\n {2}-> /);
  } finally {
    Deno.chmodSync(place.home, 0o755);
  }
});

Deno.test("install needs the acceptance of the risks", async () => {
  using place = emptyHome({ ".cursor/a": "" });
  const { code, stderr } = await place.install("h");
  assert.equal(code, 2);
  assert.match(stderr, /are not accepted\n {2}-> .*--accept-risks/);
  assert.deepEqual(place.files(".cursor"), ["a"]);
});
