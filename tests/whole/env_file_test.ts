import assert from "node:assert/strict";
import { startPlace } from "../support/places.ts";
import { runProgram } from "../support/program.ts";
import { connectServer } from "../support/server.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const MINE = { I_ACCEPT_RISKS: "true", HOST: "mine.example", SSH_PASSWORD: "correct horse" };

const STRANGERS: Readonly<Record<string, string>> = {
  "more directories": "ALLOWED_DIRECTORIES=/etc\n",
  "another API": "IMAGEKIT_API_URL=http://127.0.0.1:9\n",
  "another audit log": "AUDIT_LOG=profile\n",
  "no host key checking": "SSH_STRICT_HOST_KEY_CHECKING=false\n",
  "another host": "HOST=stranger.example\nSSH_PORT=23\n",
  "the variables of a web project": "TIMEOUT=30000\nBASE_URL=localhost:3000\nPORT=3000\n",
  "UTF-16": "\uFEFFH\0O\0",
};

for (const [name, text] of Object.entries(STRANGERS)) {
  Deno.test(`a .env in the current directory changes nothing when the environment configures the server (${name})`, async () => {
    using place = temporaryDirectory();
    const run = () => runProgram(["permissions"], { cwd: place.path, env: MINE });
    const { code, stdout } = await run();
    Deno.writeTextFileSync(`${place.path}/.env`, text);
    const second = await run();
    assert.deepEqual([second.code, second.stdout], [code, stdout], second.stderr);
    assert.match(second.stderr, /\/\.env was not read: HOST is set in the environment -> /);
  });
}

Deno.test("either variable alone keeps .env out, also when it is empty or a placeholder", async () => {
  using place = temporaryDirectory();
  Deno.writeTextFileSync(
    `${place.path}/.env`,
    "I_ACCEPT_RISKS=true\nHOST=stranger.example\nSSH_PASSWORD=x\n",
  );
  for (
    const [env, message] of [
      [{ HOST: "mine.example" }, /You must explicitly accept the risks/],
      [{ I_ACCEPT_RISKS: "true" }, /^No SSH host configuration found/m],
      [{ HOST: "" }, /You must explicitly accept the risks/],
      [{ HOST: "${user_config.host}", I_ACCEPT_RISKS: "true" }, /^No SSH host configuration/m],
    ] as const
  ) {
    const { code, stderr } = await runProgram(["permissions"], { cwd: place.path, env });
    assert.equal(code, 2);
    assert.match(stderr, message);
    assert.match(stderr, /\/\.env was not read: \w+ is set in the environment\n {2}-> /);
  }
});

Deno.test("a .env that others may write is not read, and a start without configuration says why", async () => {
  using place = temporaryDirectory();
  const path = `${place.path}/.env`;
  Deno.writeTextFileSync(path, Object.entries(MINE).map((each) => each.join("=")).join("\n"));
  Deno.chmodSync(path, 0o666);
  const refused = await runProgram(["permissions"], { cwd: place.path });
  assert.equal(refused.code, 2);
  assert.ok(refused.stderr.includes(`${path} was not read: it is writable by others\n  -> `));
  const named = await runProgram(["permissions", "--env-file", ".env"], { cwd: place.path });
  assert.equal(named.code, 0, named.stderr);
});

Deno.test("stderr and every fault name the file that a value comes from", async () => {
  using place = temporaryDirectory();
  const path = `${place.path}/.env`;
  Deno.writeTextFileSync(path, "HOST=a b\nTIMEOUT=30000\nBASE_URL=localhost:3000\nSSH_USER=bob\n");
  const { stderr } = await runProgram([], { cwd: place.path, env: { SSH_PORT: "x" } });
  for (const name of ["HOST", "TIMEOUT", "BASE_URL"]) {
    assert.ok(
      stderr.match(new RegExp(`^${name} must be .*\\(${name} from ${path}\\)$`, "m")),
      stderr,
    );
  }
  assert.match(stderr, /^SSH_PORT must be .*: got "x"$/m);
  const misnamed = `SSH_USER in ${path} is not read: the variable is SSH_USERNAME\n`;
  assert.ok(stderr.includes(misnamed), stderr);
});

Deno.test("a byte order mark is accepted, and UTF-16 is named as the fault, to a client as well", async () => {
  using place = temporaryDirectory();
  const text = "I_ACCEPT_RISKS=true\nHOST=mine.example\nSSH_PASSWORD=x\n";
  Deno.writeTextFileSync(`${place.path}/.env`, `\uFEFF${text}`);
  const marked = await runProgram(["permissions"], { cwd: place.path });
  assert.match(marked.stdout, /mine\.example:22/, marked.stderr);
  const wide = [...`\uFEFF${text}`].flatMap((
    char,
  ) => [char.charCodeAt(0) & 255, char.charCodeAt(0) >> 8]);
  Deno.writeFileSync(`${place.path}/.env`, Uint8Array.from(wide));
  const { code, stderr } = await runProgram(["permissions"], { cwd: place.path });
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^Cannot read the environment file \S+\/\.env: it is UTF-16\n {2}-> Save it as UTF-8 text/,
  );
});

Deno.test("the server warns of misnamed variables and lists unknown names of the file", async () => {
  await using place = await startPlace();
  const path = `${place.home}/my.env`;
  const lines = "SSH_PRIVATE_KEY=x\nWORKING_DIRECTROY=/x\nNODE_ENV=production\nSSH_TIMEOUT=3\n";
  Deno.writeTextFileSync(path, lines);
  await using server = await connectServer({
    env: { ...place.env, SSH_USER: "bob", SSH_HOST: "other", SSH_KEY_PATH: "/x" },
    cwd: place.directory,
    args: ["--env-file", path],
  });
  await server.end();
  const { stderr } = server.server;
  for (
    const [name, meant] of [
      ["SSH_KEY_PATH", "SSH_KEY"],
      [`SSH_PRIVATE_KEY in ${path}`, "SSH_KEY"],
      [`WORKING_DIRECTROY in ${path}`, "WORKING_DIRECTORY"],
      [`SSH_TIMEOUT in ${path}`, "TIMEOUT"],
    ]
  ) assert.ok(stderr.includes(`[warn] ${name} is not read: the variable is ${meant} -> `), stderr);
  assert.ok(stderr.includes(`[info] ${path} has names that are not read: NODE_ENV -> `), stderr);
  // The right variables are set as well.
  assert.doesNotMatch(stderr, /SSH_USER is|SSH_HOST is/);
});

Deno.test("a misnamed variable of the environment is a warning that names the right one", async () => {
  using place = temporaryDirectory();
  const env = { ...MINE, SSH_USER: "bob" };
  const { code, stderr } = await runProgram(["permissions"], { cwd: place.path, env });
  assert.equal(code, 0);
  assert.match(stderr, /^SSH_USER is not read: the variable is SSH_USERNAME -> Rename SSH_USER/m);
});

Deno.test("a value with credentials is shown neither on stderr nor to a client", async () => {
  using place = temporaryDirectory();
  const clientInfo = { name: "tests", version: "1" };
  const opening = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
  const call = { name: "ssh_exec_command", arguments: { command: "true" } };
  const messages = [
    { id: 1, method: "initialize", params: opening },
    { id: 2, method: "tools/call", params: call },
  ];
  const stdin = messages.map((message) => `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
    .join("");
  for (const host of ["root:S3CRETpw@1.2.3.4", "https:u:S3CRETpw@h", "https://u:a/S3CRETpw@h?x"]) {
    const env = { ...MINE, HOST: host, BASE_URL: host, SSH_USERNAME: host, AUDIT_LOG: host };
    const { code, stdout, stderr } = await runProgram([], { cwd: place.path, env, stdin });
    assert.equal(code, 0);
    assert.match(stderr, /^HOST must be a host name or an IP address/m);
    assert.equal(stdout.match(/HOST must be a host name or an IP address/g)?.length, 3);
    assert.doesNotMatch(stdout + stderr, /S3CRETpw/);
  }
});
