import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import type { Client, ConnectConfig } from "ssh2";
import { startSshHost } from "./ssh_host.ts";
import { privateKeyOf, publicKeyOf } from "./ssh_host_keys.ts";
import {
  connectionClosed,
  content,
  exec,
  finish,
  hostTest,
  isAlive,
  login,
  logout,
  open,
} from "./ssh_host_client.ts";
import { until } from "../support/until.ts";

hostTest("startSshHost() runs a command with output, errors and status", async (host, client) => {
  assert.deepEqual(await exec(client, "echo out; echo err >&2; exit 7"), {
    stdout: "out\n",
    stderr: "err\n",
    status: 7,
    signal: undefined,
  });
  assert.equal(host.commandCount(), 1);
  assert.equal(host.connectionCount(), 1);
});

hostTest(
  "startSshHost() runs commands like sshd: own session, home, clean environment",
  async (host, client) => {
    const { stdout } = await exec(
      client,
      "echo $0; pwd; echo $HOME; cut -d ' ' -f 6 /proc/$$/stat; echo $$; echo ${DENO_DIR-none}; echo $EXTRA; echo $PATH",
    );
    const [name, cwd, home, sid, pid, inherited, extra, path] = stdout.split("\n");
    assert.deepEqual([name, cwd, home, inherited], ["sh", host.directory, host.directory, "none"]);
    assert.equal(sid, pid);
    assert.equal(extra, "yes");
    assert.match(path ?? "", /^\/opt\/fakes:\/usr\/local\/sbin:.*\/bin$/);
  },
  { env: { PATH: "/opt/fakes", EXTRA: "yes" } },
);

hostTest("startSshHost() forwards stdin and its end", async (_host, client) => {
  const channel = await open(client, "cat; echo done");
  const ended = finish(channel);
  channel.end("question\n");
  assert.equal((await ended).stdout, "question\ndone\n");
});

hostTest("startSshHost() carries 8 MiB of input and output unchanged", async (_host, client) => {
  const data = content(8 << 20);
  const channel = await open(client, "cat");
  const parts: Buffer[] = [];
  channel.on("data", (part: Buffer) => parts.push(part));
  const closed = once(channel, "close");
  channel.end(data);
  await closed;
  assert.ok(Buffer.concat(parts).equals(data));
});

hostTest(
  "startSshHost() keeps stdout and stderr separate when both fill the window",
  async (_host, client) => {
    const { stdout, stderr } = await exec(
      client,
      "(yes out | head -c 6000000)& yes err | head -c 6000000 >&2; wait",
    );
    assert.equal(stdout, "out\n".repeat(1_500_000));
    assert.equal(stderr, "err\n".repeat(1_500_000));
  },
);

hostTest(
  "startSshHost() blocks a flooding command while the client does not read",
  async (host, client) => {
    const script =
      "dd if=/dev/zero bs=65536 count=800 2>/dev/null & echo $! > flood; wait; echo over >&2";
    const channel = await open(client, script);
    const over = once(channel.stderr, "data");
    const closed = once(channel, "close");
    // The client's window is 2 MiB; 200 other commands show that time has passed.
    for (let turn = 0; turn < 200; turn++) await exec(client, "true");
    let pid = 0;
    await until("the flood", async () => {
      pid = Number(await Deno.readTextFile(`${host.directory}/flood`).catch(() => ""));
      return pid > 0;
    });
    assert.ok(isAlive(pid), "50 MiB were written to a client that takes 2 MiB");
    channel.resume();
    await over;
    await closed;
    await until("the end of the flood", () => !isAlive(pid));
  },
);

hostTest(
  "startSshHost() reports the exit status at once and closes when the output ends",
  async (_host, client) => {
    await exec(client, "mkfifo gate");
    const channel = await open(
      client,
      "(read line < gate; echo late)& exit 3",
    );
    const order: string[] = [];
    channel.on("exit", (status: number) => order.push(`exit ${status}`));
    channel.on("data", (data: Buffer) => order.push(String(data).trim()));
    await once(channel, "exit");
    assert.deepEqual(order, ["exit 3"]);
    const closed = once(channel, "close");
    await exec(client, "echo go > gate");
    await closed;
    assert.deepEqual(order, ["exit 3", "late"]);
  },
);

hostTest("startSshHost() reports the signal that ended a command", async (_host, client) => {
  const { status, signal } = await exec(client, "kill -SEGV $$");
  assert.equal(status, null);
  assert.equal(signal, "SIGSEGV");
});

hostTest("startSshHost() sends signals to the process group", async (_host, client) => {
  const channel = await open(client, "sleep 1000 & echo $!; wait");
  const ended = finish(channel);
  const [line] = await once(channel, "data");
  channel.signal("TERM");
  assert.equal((await ended).signal, "SIGTERM");
  // Its output is closed a moment before it is dead.
  await until("the end of the child", () => !isAlive(Number(String(line))));
});

hostTest("startSshHost() ignores signals with ignoreSignals", async (_host, client) => {
  const channel = await open(client, "read line; echo alive $line");
  const ended = finish(channel);
  channel.signal("KILL");
  channel.end("still\n");
  assert.equal((await ended).stdout, "alive still\n");
}, { ignoreSignals: true });

hostTest(
  "startSshHost() refuses a session above maxSessions and accepts one when a slot is free",
  async (host, client) => {
    const held = [await open(client, "cat"), await open(client, "cat")];
    await assert.rejects(open(client, "true"), /\(SSH\) Channel open failure: open failed/);
    for (const channel of held) {
      const ended = finish(channel);
      channel.end();
      await ended;
    }
    assert.equal((await exec(client, "echo free")).stdout, "free\n");
    assert.deepEqual([host.sessionsPeak(), host.sessionsRefused()], [2, 1]);
  },
  { maxSessions: 2 },
);

hostTest(
  "startSshHost() keeps the slot of a closed channel until its command has ended",
  async (_host, client) => {
    await exec(client, "mkfifo gate");
    const channel = await open(client, "trap '' HUP; echo up; read line < gate");
    await once(channel, "data");
    const closed = once(channel, "close");
    channel.close();
    await closed;
    await assert.rejects(open(client, "true"), /open failed/);
  },
  { maxSessions: 1 },
);

Deno.test("startSshHost() keeps a command running when its connection is cut, with its output closed", async () => {
  await using host = await startSshHost();
  const client = await login(host);
  client.on("error", () => {});
  await exec(client, "mkfifo gate");
  const channel = await open(
    client,
    "trap '' PIPE; echo $$; read line < gate; while echo $line; do sleep 0.01; done; echo broken > gate",
  );
  const [line] = await once(channel, "data");
  const gone = connectionClosed(client);
  host.dropConnections();
  await gone;
  assert.ok(isAlive(Number(String(line))));
  await Deno.writeTextFile(`${host.directory}/gate`, "go\n");
  assert.equal(await Deno.readTextFile(`${host.directory}/gate`), "broken\n");
});

Deno.test("SshHost.close() kills all commands, daemons too, and removes its directory", async () => {
  const host = await startSshHost();
  const client = await login(host);
  client.on("error", () => {});
  const { stdout } = await exec(
    client,
    "sleep 1001 >/dev/null 2>&1 & echo $!; setsid sleep 1002 >/dev/null 2>&1 & echo $!",
  );
  const pids = stdout.trim().split("\n").map(Number);
  assert.deepEqual(pids.map(isAlive), [true, true]);
  const gone = connectionClosed(client);
  await host.close();
  await gone;
  assert.deepEqual(pids.map(isAlive), [false, false]);
  await assert.rejects(Deno.stat(host.directory), Deno.errors.NotFound);
});

Deno.test("SshHost.freeze() holds old and new connections until thaw()", async () => {
  await using host = await startSshHost();
  const client = await login(host);
  const other = connectTcp({ host: host.hostname, port: host.port });
  await once(other, "connect");
  const greeting = once(other, "data");
  assert.match(String((await greeting)[0]), /^SSH-2\.0-OpenSSH_/);
  host.freeze();
  const late = connectTcp({ host: host.hostname, port: host.port });
  await once(late, "connect");
  const answers: string[] = [];
  const answer = exec(client, "echo answer").then(({ stdout }) => answers.push(stdout));
  const greeted = once(late, "data").then(() => answers.push("greeting"));
  // A second host answers meanwhile, which shows that the first one had enough time.
  await using witness = await startSshHost();
  const watcher = await login(witness);
  await exec(watcher, "true");
  assert.deepEqual([answers, host.commandCount()], [[], 0]);
  host.thaw();
  await Promise.all([answer, greeted]);
  assert.deepEqual(answers.toSorted(), ["answer\n", "greeting"]);
  for (const socket of [other, late]) {
    const closed = once(socket, "close");
    socket.destroy();
    await closed;
  }
  await logout(client);
  await logout(watcher);
});

Deno.test("startSshHost() accepts the password and refuses another", async () => {
  await using host = await startSshHost({ banner: "Keep out" });
  await assert.rejects(login(host, { password: "wrong" }), /authentication methods failed/);
  await assert.rejects(login(host, { username: "nobody" }), /authentication methods failed/);
  const client = new ssh2.Client();
  const { hostname, port, username, password } = host;
  let banner = "";
  client.on("banner", (text) => banner = text);
  const ready = once(client, "ready");
  client.connect({ host: hostname, port, username, password });
  await ready;
  await logout(client);
  assert.equal(banner, "Keep out\r\n");
});

Deno.test("startSshHost() accepts a listed key of each type and refuses another", async () => {
  const keys = (["ed25519", "ecdsa", "rsa"] as const).map(privateKeyOf);
  const user = { name: "key", publicKeys: keys.map(publicKeyOf) };
  await using host = await startSshHost({ users: [user] });
  for (const privateKey of keys) await logout(await login(host, { privateKey }));
  await assert.rejects(login(host, { privateKey: privateKeyOf("ed25519") }), /methods failed/);
});

Deno.test("startSshHost() asks questions and can require two methods", async () => {
  const keyboardInteractive = [{ prompt: "Code: ", answer: "123456" }];
  const user = { name: "two", password: "first", keyboardInteractive, all: true };
  await using host = await startSshHost({ users: [user] });
  const attempt = (answer: string) => {
    const client = new ssh2.Client();
    const { promise, resolve, reject } = Promise.withResolvers<Client>();
    client.on("error", reject).once("ready", () => resolve(client));
    client.on("keyboard-interactive", (_name, _text, _lang, _prompts, finish) => finish([answer]));
    const { hostname, port, username, password } = host;
    client.connect({ host: hostname, port, username, password, tryKeyboard: true });
    return promise;
  };
  await logout(await attempt("123456"));
  await assert.rejects(attempt("654321"), /methods failed/);
});

Deno.test("SshHost.hostKeyLines() names every host key", async () => {
  await using host = await startSshHost({ hostKeys: ["ed25519", "ecdsa", "rsa"] });
  const lines = host.hostKeyLines().trim().split("\n");
  const types = lines.map((line) => line.split(" ")[1]);
  assert.deepEqual(types, ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"]);
  for (const [at, type] of types.entries()) {
    let seen = "";
    const hostVerifier = (key: Buffer) => (seen = key.toString("base64")) !== "";
    const serverHostKey = type === "ssh-rsa" ? "rsa-sha2-512" : type;
    const algorithms = { serverHostKey: [serverHostKey] } as ConnectConfig["algorithms"];
    await logout(await login(host, { hostVerifier, ...(algorithms && { algorithms }) }));
    assert.equal(lines[at], `[127.0.0.1]:${host.port} ${type} ${seen}`);
  }
});
