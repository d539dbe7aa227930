// @process: it checks that this process has no accounts left.
import assert from "node:assert/strict";
import { peerTest, ROOT, SSH_CLIENT, SSHD } from "./require.ts";
import { aliveWithMarker, type Sshd, type SshdOptions, startSshd } from "./sshd.ts";
import { writeExecutable } from "../support/executable.ts";

const peer = [SSHD, SSH_CLIENT];
const isRoot = Deno.uid() === 0;

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const KEY_LOGIN = ["-o", "PreferredAuthentications=publickey", "-o", "BatchMode=yes"];
const PASSWORD_LOGIN = [
  "-o",
  "PreferredAuthentications=password",
  "-o",
  "NumberOfPasswordPrompts=1",
];

function sshClient(sshd: Sshd, command: string, extra: readonly string[]): Deno.Command {
  const isPassword = extra === PASSWORD_LOGIN;
  return new Deno.Command("/usr/bin/ssh", {
    args: [
      ...["-F", "none", "-T", "-n", "-o", "LogLevel=ERROR", "-o", "GlobalKnownHostsFile=/dev/null"],
      ...["-o", "StrictHostKeyChecking=yes", "-o", `UserKnownHostsFile=${sshd.knownHostsPath}`],
      ...["-o", "IdentitiesOnly=yes", ...(isPassword ? [] : ["-i", sshd.keyPath])],
      ...["-p", String(sshd.port), ...extra, `${sshd.username}@${sshd.host}`, command],
    ],
    env: { SSH_ASKPASS: `${sshd.home}/askpass`, SSH_ASKPASS_REQUIRE: "force", SSH_AUTH_SOCK: "" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

async function ssh(sshd: Sshd, command: string, extra = KEY_LOGIN): Promise<Answer> {
  const { code, stdout, stderr } = await sshClient(sshd, command, extra).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

async function sshWithPassword(sshd: Sshd, password: string): Promise<Answer> {
  writeExecutable(`${sshd.home}/askpass`, `#!/bin/sh\necho '${password}'\n`);
  return await ssh(sshd, "echo in", PASSWORD_LOGIN);
}

/** Starts a command that never ends. Returns its client after the first output. */
async function sshForever(sshd: Sshd, command: string): Promise<Deno.ChildProcess> {
  const child = sshClient(sshd, `${command}`, KEY_LOGIN).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.equal(new TextDecoder().decode(value), "ready\n");
  reader.releaseLock();
  return child;
}

async function exitCode(child: Deno.ChildProcess): Promise<number> {
  return (await child.output()).code;
}

const failsToStart = (options: SshdOptions, text: RegExp) =>
  assert.rejects(() => startSshd(options), text);

peerTest({
  peer,
  name: "startSshd() accepts the key and runs a command without extra output",
  async fn() {
    await using sshd = await startSshd();
    const answer = await ssh(sshd, "id -un; pwd");
    assert.deepEqual(answer, { code: 0, stdout: `${sshd.username}\n${sshd.home}\n`, stderr: "" });
    assert.equal(sshd.connections(), 1);
  },
});

peerTest({
  peer: [...peer, ROOT],
  name: "startSshd() provides a separate home and shell for root",
  async fn() {
    await using sshd = await startSshd({ loginUser: "root", shell: "/bin/bash" });
    const answer = await ssh(sshd, 'id -u; echo "$HOME" ${BASH_VERSION:+bash}');
    assert.deepEqual(answer, { code: 0, stdout: `0\n${sshd.home} bash\n`, stderr: "" });
  },
});

peerTest({
  peer: [...peer, ROOT],
  name: "startSshd() checks passwords",
  async fn() {
    await using sshd = await startSshd();
    assert.ok(sshd.password);
    assert.equal((await sshWithPassword(sshd, sshd.password)).stdout, "in\n");
    assert.equal((await sshWithPassword(sshd, "wrong")).code, 255);
    assert.equal(sshd.connections(), 1);
  },
});

peerTest({
  peer,
  name: "startSshd() refuses passwords if configured",
  async fn() {
    await using sshd = await startSshd({ passwordAuth: false });
    const { code, stderr } = await ssh(sshd, "true", PASSWORD_LOGIN);
    assert.equal(code, 255);
    assert.match(stderr, /Permission denied \(publickey\)/);
  },
});

peerTest({
  peer,
  name: "startSshd() offers the chosen host key types and authorizes each client key",
  async fn() {
    await using sshd = await startSshd({
      hostKeyTypes: ["ecdsa", "rsa"],
      clientKeyTypes: ["rsa", "ecdsa"],
    });
    const types = sshd.knownHostsText.trim().split("\n").map((line) => line.split(" ")[1]);
    assert.deepEqual(types, ["ecdsa-sha2-nistp256", "ssh-rsa"]);
    for (const type of ["rsa", "ecdsa"] as const) {
      const { code } = await ssh(sshd, "true", [...KEY_LOGIN, "-i", sshd.keyPathOf(type)]);
      assert.equal(code, 0);
    }
    assert.match(await Deno.readTextFile(sshd.keyPath), /OPENSSH PRIVATE KEY/);
  },
});

peerTest({
  peer,
  name: "startSshd() puts a test's lines before its own, and Match blocks last",
  async fn() {
    await using sshd = await startSshd({
      config: ["AcceptEnv NOTHING", "Match all", "ForceCommand echo forced"],
    });
    assert.equal((await ssh(sshd, "echo asked")).stdout, "forced\n");
  },
});

peerTest({
  peer,
  name: "startSshd() reports sshd's error and leaves nothing behind when sshd does not start",
  async fn() {
    await failsToStart(
      { config: ["NoSuchKeyword yes"] },
      /Bad configuration option: NoSuchKeyword/,
    );
    const accounts = (await Deno.readTextFile("/etc/passwd")).split("\n");
    const own = accounts.filter((line) => line.includes(`test of process ${Deno.pid}:`));
    assert.deepEqual(own, []);
  },
});

peerTest({
  peer,
  name: "restart() drops the connections and keeps port and keys",
  async fn() {
    await using sshd = await startSshd();
    const child = await sshForever(sshd, "echo ready; exec cat /dev/zero >/dev/null");
    await sshd.restart();
    assert.equal(await exitCode(child), 255);
    assert.equal((await ssh(sshd, "echo again")).stdout, "again\n");
    assert.equal(sshd.connections(), 2);
  },
});

peerTest({
  peer,
  name: "killConnections() leaves the daemon and the commands alive",
  async fn() {
    await using sshd = await startSshd();
    const child = await sshForever(sshd, "echo ready; exec sleep 4321");
    await sshd.killConnections();
    assert.equal(await exitCode(child), 255);
    assert.equal(aliveWithMarker(sshd.marker).length, 1);
    assert.equal((await ssh(sshd, "echo again")).stdout, "again\n");
  },
});

peerTest({
  peer,
  name: "replaceHostKey() makes clients with the old key refuse",
  async fn() {
    await using sshd = await startSshd();
    const lines = await sshd.replaceHostKey();
    assert.notEqual(lines, sshd.knownHostsText);
    const { code, stderr } = await ssh(sshd, "true");
    assert.equal(code, 255);
    assert.match(stderr, /REMOTE HOST IDENTIFICATION HAS CHANGED/);
    await Deno.writeTextFile(sshd.knownHostsPath, lines);
    assert.equal((await ssh(sshd, "true")).code, 0);
  },
});

peerTest({
  peer,
  name: "close() stops background processes of sessions and removes account and directory",
  async fn() {
    const sshd = await startSshd({ loginUser: isRoot ? "root" : "user" });
    const started = await ssh(sshd, "setsid nohup sleep 4321 >/dev/null 2>&1 </dev/null & echo ok");
    assert.equal(started.stdout, "ok\n");
    assert.equal(aliveWithMarker(sshd.marker).length, 1);
    await sshd.close();
    await sshd.close();
    assert.deepEqual(aliveWithMarker(sshd.marker), []);
    await assert.rejects(() => Deno.stat(sshd.knownHostsPath), Deno.errors.NotFound);
    const accounts = await Deno.readTextFile("/etc/passwd");
    assert.equal(accounts.includes(`\n${sshd.username}:`), !isRoot);
  },
});

peerTest({
  peer,
  name: "startSshd() runs several servers side by side",
  async fn() {
    const servers = await Promise.all([1, 2, 3].map(() => startSshd()));
    try {
      const answers = await Promise.all(servers.map((sshd) => ssh(sshd, "id -un")));
      assert.deepEqual(
        answers.map((answer) => answer.stdout.trim()),
        servers.map((sshd) => sshd.username),
      );
    } finally {
      await Promise.all(servers.map((sshd) => sshd.close()));
    }
  },
});
