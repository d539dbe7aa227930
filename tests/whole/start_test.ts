import assert from "node:assert/strict";
import { startImageKit } from "../fakes/imagekit.ts";
import { peerTest, SWIFT } from "../peers/require.ts";
import { startS3 } from "../peers/s3.ts";
import { runProgram } from "../support/program.ts";
import { startPlace } from "../support/places.ts";
import { connectServer } from "../support/server.ts";
import { BUCKET, exchangeVariables, imageKitVariables } from "./bridges.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

Deno.test("--help needs no configuration", async () => {
  using place = temporaryDirectory();
  for (const option of ["--help", "-h"]) {
    const { code, stdout, stderr } = await runProgram([option], { cwd: place.path });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^mcp-remote-exec: an MCP server/);
    assert.match(stdout, /I_ACCEPT_RISKS/);
  }
  const { code, stdout } = await runProgram(["help", "variables"], { cwd: place.path });
  assert.equal(code, 0);
  assert.match(stdout, /^ {2}IMAGEKIT_UPLOAD_URL /m);
});

Deno.test("completions need no configuration", async () => {
  using place = temporaryDirectory();
  for (const shell of ["bash", "zsh", "fish", "powershell"]) {
    const { code, stdout, stderr } = await runProgram(["completions", shell], { cwd: place.path });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /completions for mcp-remote-exec/);
  }
});

Deno.test("--version needs no configuration", async () => {
  using place = temporaryDirectory();
  for (const option of ["--version", "-v"]) {
    const { code, stdout, stderr } = await runProgram([option], { cwd: place.path });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^mcp-remote-exec version \d+\.\d+\.\d+\n$/);
  }
});

Deno.test("a mistyped command line is refused with exit code 2 and nothing on stdout", async () => {
  using place = temporaryDirectory();
  const ended = await runProgram(["--verbose"], { cwd: place.path });
  assert.deepEqual([ended.code, ended.stdout], [2, ""]);
  assert.match(ended.stderr, /^unknown option "--verbose"\n {2}-> Run mcp-remote-exec --help\n$/);
});

Deno.test("all faults of the configuration are on stderr at once, exit code 2 with STRICT_START", async () => {
  using place = temporaryDirectory();
  const faulty = { SSH_PORT: "ssh", TIMEOUT: "0", SSH_PASSWORD: "correct horse" };
  const env = { ...faulty, STRICT_START: "true" };
  const { code, stdout, stderr } = await runProgram([], { cwd: place.path, env });
  assert.deepEqual([code, stdout], [2, ""]);
  for (
    const expected of [
      /^SSH_PORT must be a whole number from 1 to 65535: got "ssh"\n {2}-> Correct SSH_PORT/m,
      /^TIMEOUT must be a whole number from 1 to 300: got "0"\n {2}-> Correct TIMEOUT/m,
      /^You must explicitly accept the risks before using this software\./m,
      /^No SSH host configuration found\. Set HOST environment variable\n {2}-> Set HOST/m,
    ]
  ) assert.match(stderr, expected);
  assert.doesNotMatch(stderr, /correct horse/);
});

Deno.test("variables come from .env in the current directory, and the environment wins", async () => {
  using place = temporaryDirectory();
  Deno.writeTextFileSync(
    `${place.path}/.env`,
    "I_ACCEPT_RISKS=true\nHOST=from-file.example\nSSH_PASSWORD=x\nSSH_PORT=2201\n",
  );
  const { code, stdout, stderr } = await runProgram(["permissions"], {
    cwd: place.path,
    env: { SSH_PORT: "2202" },
  });
  assert.equal(code, 0);
  assert.equal(stderr, `I_ACCEPT_RISKS, HOST, SSH_PASSWORD from ${place.path}/.env\n`);
  assert.match(stdout, /^ {2}net {4}from-file\.example:2202$/m);
});

Deno.test("--env-file takes the place of .env", async () => {
  using place = temporaryDirectory();
  Deno.writeTextFileSync(`${place.path}/.env`, "I_ACCEPT_RISKS=true\nHOST=wrong.example\n");
  Deno.writeTextFileSync(
    `${place.path}/other`,
    "I_ACCEPT_RISKS=true\nHOST=right.example\nSSH_PASSWORD=x\n",
  );
  const { stdout } = await runProgram(["permissions", "--env-file", "other"], { cwd: place.path });
  assert.match(stdout, /^ {2}net {4}right\.example:22$/m);
});

Deno.test("permissions prints the table that the configuration yields", async () => {
  using place = temporaryDirectory();
  const { path } = place;
  Deno.writeTextFileSync(`${path}/id`, "not looked at");
  const env = {
    I_ACCEPT_RISKS: "true",
    HOST: "server.example",
    SSH_KEY: `${path}/id`,
    SSH_KNOWN_HOSTS: `${path}/hosts`,
  };
  const { code, stdout, stderr } = await runProgram(["permissions"], { cwd: path, env });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(
    stdout,
    `worker ssh
  net    server.example:22
  read   ${path}/id, ${path}/hosts, /etc/ssh/ssh_known_hosts, ${path}
  write  ${path}
  env, run, sys, ffi, import   none
worker downloads
  net    127.0.0.1:8000, 127.0.0.1:0
  read   ${path}
  write  none
  env, run, sys, ffi, import   none
main isolate
  all permissions dropped before the first message
`,
  );
});

Deno.test("the server works without HOME and any other variable of a shell", async () => {
  await using place = await startPlace();
  const { HOME: _, ...env } = place.env;
  const known = `${place.home}/.ssh/known_hosts`;
  await using server = await connectServer({
    env: { ...env, SSH_KNOWN_HOSTS: known },
    cwd: place.directory,
  });
  assert.equal((await server.call("ssh_exec_command", { command: "echo ok" })).data.stdout, "ok\n");
});

Deno.test("a server that is started in the root works in ~/mcp-files", async () => {
  await using place = await startPlace();
  const { WORKING_DIRECTORY: _, ...env } = place.env;
  Deno.writeTextFileSync(`${place.host.directory}/file`, "content");
  await using server = await connectServer({ env, cwd: "/" });
  const { data } = await server.call("ssh_download_file", {
    remote_path: "file",
    local_path: "copy",
  });
  assert.equal(data.success, true, JSON.stringify(data));
  assert.equal(Deno.readTextFileSync(`${place.home}/mcp-files/copy`), "content");
});

Deno.test("doctor checks every step, shows the permissions and exits with 0", async () => {
  await using place = await startPlace();
  const { code, stdout, stderr } = await runProgram(["doctor"], {
    cwd: place.directory,
    env: place.env,
  });
  assert.deepEqual([code, stderr], [0, ""], stdout);
  const steps = [...stdout.matchAll(/^ok {3}([^:]+):/gm)].map(([, step]) => step);
  assert.equal(steps[0], "configuration");
  for (const step of ["TCP", "command", "SFTP", "sha256"]) assert.ok(steps.includes(step), stdout);
  assert.doesNotMatch(stdout, /^FAIL/m);
  assert.match(stdout, /SHA256:[A-Za-z0-9+/]{43}/);
  assert.match(stdout, /^worker ssh$/m);
  assert.doesNotMatch(stdout, new RegExp(place.host.password));
});

Deno.test("doctor stops at the first step that fails, with its remedy and exit code 1", async () => {
  await using place = await startPlace();
  const wrong = { ...place.env, SSH_PASSWORD: "not the password" };
  const { code, stdout } = await runProgram(["doctor"], { cwd: place.directory, env: wrong });
  assert.equal(code, 1);
  assert.match(stdout, /^FAIL .*Authentication failed for .*\n {5}-> Check SSH_USERNAME/m);
  assert.doesNotMatch(stdout, /^ok {3}command/m);
  assert.doesNotMatch(stdout, /not the password/);
});

Deno.test("doctor shows an unknown host key with its fingerprint and the line to add", async () => {
  await using place = await startPlace();
  Deno.writeTextFileSync(`${place.home}/.ssh/known_hosts`, "");
  const { code, stdout } = await runProgram(["doctor"], { cwd: place.directory, env: place.env });
  assert.equal(code, 1);
  assert.match(stdout, /SHA256:[A-Za-z0-9+/]{43}/);
  const file = `${place.home}/.ssh/known_hosts`;
  assert.ok(stdout.includes(`ssh-keyscan -H -p ${place.host.port} 127.0.0.1 >> ${file}\n`));
  assert.ok(stdout.includes(place.host.hostKeyLines().trim()), stdout);
});

/** Returns doctor's lines about both bridges. */
async function bridgesByDoctor(change: Readonly<Record<string, string>>, bucket: string) {
  await using s3 = await startS3();
  await s3.createBucket(bucket);
  await using place = await startPlace();
  const imageKit = await startImageKit({ separateOrigins: true });
  try {
    const env = {
      ...place.env,
      ...imageKitVariables(imageKit),
      ...exchangeVariables(s3),
      ...change,
    };
    const { code, stdout } = await runProgram(["doctor"], { cwd: place.directory, env });
    assert.equal(stdout.includes(s3.secretKey) || stdout.includes(imageKit.privateKey), false);
    return { code, stdout };
  } finally {
    await imageKit.close();
  }
}

peerTest({
  peer: SWIFT,
  name: "doctor has a line for each bridge that answers",
  async fn() {
    const { code, stdout } = await bridgesByDoctor({}, BUCKET);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^ok {3}ImageKit: \/mcp-remote-exec can be listed \(0 transfer files\)$/m);
    assert.match(stdout, /^ok {3}R2 exchange: bucket exchange: answers in \d+ ms$/m);
    assert.match(stdout, /^worker transfers$/m);
  },
});

peerTest({
  peer: SWIFT,
  name: "doctor reports each bridge that refuses, with its remedy and exit code 1",
  async fn() {
    const wrong = { IMAGEKIT_PRIVATE_KEY: "private_wrong" };
    const { code, stdout } = await bridgesByDoctor(wrong, "another");
    assert.equal(code, 1, stdout);
    assert.match(stdout, /^FAIL ImageKit: .+\n {5}-> .*IMAGEKIT_PRIVATE_KEY/m);
    assert.match(
      stdout,
      /^FAIL R2 exchange: bucket exchange: .*"exchange" does not exist\n {5}-> .*R2_BUCKET/m,
    );
    assert.match(stdout, /^ok {3}sha256:/m);
    assert.doesNotMatch(stdout, /private_wrong/);
  },
});

Deno.test("doctor names what is missing of bridges that are half set, exit code 1", async () => {
  await using place = await startPlace();
  const half = { ENABLE_IMAGEKIT: "true", IMAGEKIT_PUBLIC_KEY: "public_x", R2_BUCKET: "exchange" };
  const env = { ...place.env, ...half };
  const { code, stdout } = await runProgram(["doctor"], { cwd: place.directory, env });
  assert.equal(code, 1, stdout);
  const remedy = "\n {5}-> Set the missing variables, or remove the others$";
  for (
    const line of [
      "ImageKit .*IMAGEKIT_PRIVATE_KEY not set, IMAGEKIT_URL_ENDPOINT not set\\)",
      "R2 .*R2_ACCOUNT_ID not set, R2_ACCESS_KEY not set, R2_SECRET_KEY not set\\)",
    ]
  ) assert.match(stdout, new RegExp(`^FAIL configuration: ${line}${remedy}`, "m"));
  assert.doesNotMatch(stdout, /^worker transfers$/m);
});
