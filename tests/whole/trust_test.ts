import assert from "node:assert/strict";
import { peerTest, SCRIPT, SSH_CLIENT, SSH_KEYGEN, SSHD } from "../peers/require.ts";
import { type KeyType, type Sshd, startSshd } from "../peers/sshd.ts";
import { shellWord } from "../../src/shell/quote.ts";
import { outputOf, runCommand } from "../support/command.ts";
import { programCommand, runProgram, runtimeEnvironment } from "../support/program.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const PEER = [SSHD, SCRIPT, SSH_CLIENT, SSH_KEYGEN];
const ALL: readonly KeyType[] = ["ed25519", "ecdsa", "rsa"];

/** A home directory whose known_hosts knows nobody yet. */
function emptyHome(config = "") {
  const place = temporaryDirectory();
  const home = `${place.path}/my home 家`;
  const known = `${home}/.ssh/known_hosts`;
  Deno.mkdirSync(home);
  const write = (name: string, text: string) => {
    Deno.mkdirSync(`${home}/.ssh`, { recursive: true, mode: 0o700 });
    Deno.writeTextFileSync(`${home}/.ssh/${name}`, text, { mode: 0o600 });
  };
  if (config !== "") write("config", config);
  return {
    ...{ home, known, write },
    trust: (...args: string[]) =>
      runProgram(["trust", ...args], { cwd: home, env: { HOME: home, SSH_CONFIG: "" } }),
    text: () => Deno.readTextFileSync(known),
    [Symbol.dispose]: () => place[Symbol.dispose](),
  };
}

const fingerprintsOf = async (text: string): Promise<string[]> => {
  using place = temporaryDirectory();
  Deno.writeTextFileSync(`${place.path}/known`, text);
  const listed = await outputOf("ssh-keygen", "-l", "-f", `${place.path}/known`);
  return listed.trim().split("\n").map((line) => line.split(" ")[1] ?? "");
};

/** Whether ssh connects, with nothing but the known_hosts file to trust. */
async function connects(sshd: Sshd, known: string): Promise<boolean> {
  const options = ["StrictHostKeyChecking=yes", `UserKnownHostsFile="${known}"`, "BatchMode=yes"]
    .concat("GlobalKnownHostsFile=/dev/null", "IdentitiesOnly=yes").flatMap((each) => ["-o", each]);
  const login = ["-F", "none", "-i", sshd.keyPath, "-p", `${sshd.port}`];
  const address = `${sshd.username}@${sshd.host}`;
  return (await runCommand("ssh", [...options, ...login, address, "true"])).code === 0;
}

peerTest({
  name: "trust shows the fingerprints of all keys and adds those that are expected",
  peer: PEER,
  async fn() {
    await using sshd = await startSshd({ hostKeyTypes: ALL });
    using place = emptyHome();
    const address = `${sshd.host}:${sshd.port}`;
    const fingerprints = await fingerprintsOf(sshd.knownHostsText);
    assert.equal(fingerprints.length, 3);

    const asked = await place.trust(address);
    assert.equal(asked.code, 2);
    assert.match(asked.stderr, /^nobody can confirm .*nothing was added\n {2}-> .*--yes SHA256/);
    for (const each of fingerprints) {
      assert.ok(asked.stdout.includes(`${each}  new\n`), asked.stdout);
    }
    assert.throws(() => place.text());

    const wrong = await place.trust(address, "--yes", `SHA256:${"a".repeat(43)}`);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /does not offer the expected key SHA256:a+; nothing was added/);
    assert.throws(() => place.text());

    const added = await place.trust(address, ...fingerprints.flatMap((each) => ["--yes", each]));
    assert.deepEqual([added.code, added.stderr], [0, ""]);
    assert.deepEqual(
      await fingerprintsOf(place.text()),
      [...fingerprints].sort(byFile(place.text())),
    );
    const name = `[${sshd.host}]:${sshd.port}`;
    assert.match(await outputOf("ssh-keygen", "-F", name, "-f", place.known), /found: line 1/);
    assert.ok(await connects(sshd, place.known));
    assert.equal((Deno.statSync(place.known).mode ?? 0) & 0o777, 0o600);

    const before = place.text();
    const again = await place.trust(address);
    assert.deepEqual([again.code, place.text()], [0, before]);
    assert.match(again.stdout, /known \(.*known_hosts:1\)[\s\S]*Known: nothing was added/);
  },
});

/** Only the set matters: ssh-keygen lists keys in the order of the file. */
const byFile = (text: string) => {
  const order = text.split("\n").map((line) => line.split(" ")[2] ?? "");
  return (one: string, other: string) => order.indexOf(one) - order.indexOf(other);
};

peerTest({
  name: "trust keeps other lines, hashes names where the file does, and adds what is expected only",
  peer: PEER,
  async fn() {
    await using sshd = await startSshd({ hostKeyTypes: ALL });
    using place = emptyHome();
    place.write("known_hosts", "# mine\nother.example ssh-ed25519 AAAA broken");
    const [line = ""] = sshd.knownHostsText.split("\n");
    place.write("plain", `example.com ${line.split(" ").slice(1, 3).join(" ")}\n`);
    await outputOf("ssh-keygen", "-H", "-f", `${place.home}/.ssh/plain`);
    const before = `${place.text()}\n${
      Deno.readTextFileSync(`${place.home}/.ssh/plain`).trimEnd()
    }`;
    place.write("known_hosts", before);
    const [first = ""] = await fingerprintsOf(sshd.knownHostsText);
    const { code, stderr } = await place.trust(`${sshd.host}:${sshd.port}`, "--yes", first);
    assert.equal(code, 0, stderr);
    assert.ok(place.text().startsWith(before));
    const added = place.text().slice(before.length);
    assert.match(added, /^\n\|1\|\S{28}\|\S{28} ssh-ed25519 \S+\n$/);
    const name = `[${sshd.host}]:${sshd.port}`;
    assert.match(await outputOf("ssh-keygen", "-F", name, "-f", place.known), /ssh-ed25519/);
    assert.ok(await connects(sshd, place.known));
  },
});

peerTest({
  name: "trust never adds a key in place of another one, and names the lines",
  peer: PEER,
  async fn() {
    await using sshd = await startSshd();
    using place = emptyHome();
    place.write("known_hosts", `# first\n${sshd.knownHostsText}`);
    const fresh = await sshd.replaceHostKey();
    const [fingerprint = ""] = await fingerprintsOf(fresh);
    const before = place.text();
    for (const args of [[], ["--yes", fingerprint]]) {
      const { code, stderr } = await place.trust(`${sshd.host}:${sshd.port}`, ...args);
      assert.equal(code, 1);
      assert.match(stderr, /^The keys of 127\.0\.0\.1 have changed: expected ssh-ed25519 SHA256:/);
      assert.ok(stderr.includes(`(${place.known}:2); nothing was added`), stderr);
      assert.ok(stderr.includes(`ssh-keygen -R '[127.0.0.1]:${sshd.port}' -f`), stderr);
      assert.equal(place.text(), before);
    }
    place.write("known_hosts", `@revoked * ${fresh.split(" ").slice(1).join(" ")}`);
    const { code, stderr } = await place.trust(`${sshd.host}:${sshd.port}`, "--yes", fingerprint);
    assert.equal(code, 1);
    assert.match(stderr, /is revoked: ssh-ed25519 SHA256:/);
  },
});

peerTest({
  name: "trust reaches a host through its jump hosts, whose keys come first",
  peer: PEER,
  async fn() {
    await using bastion = await startSshd();
    await using inner = await startSshd({ hostKeyTypes: ["ecdsa"] });
    const block = (name: string, sshd: Sshd, line = "") =>
      `Host ${name}\n  HostName ${sshd.host}\n  Port ${sshd.port}\n  User ${sshd.username}\n` +
      `  IdentityFile ${sshd.keyPath}\n${line}`;
    using place = emptyHome(
      block("bastion", bastion) + block("inner", inner, "  ProxyJump bastion\n"),
    );
    const [outer = ""] = await fingerprintsOf(bastion.knownHostsText);
    const [own = ""] = await fingerprintsOf(inner.knownHostsText);

    const partly = await place.trust("inner", "--yes", own);
    assert.equal(partly.code, 1);
    assert.match(partly.stderr, /^bastion does not offer the expected key/);
    assert.throws(() => place.text());

    const { code, stdout, stderr } = await place.trust("inner", "-y", outer, "-y", own);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^bastion \(127\.0\.0\.1:\d+\)\n {2}ssh-ed25519 +SHA256:\S+ {2}new\n/);
    assert.match(stdout, /^inner \(127\.0\.0\.1:\d+\) through bastion\n {2}ecdsa-sha2-nistp256 /m);
    assert.ok(await connects(inner, place.known));
    assert.equal(inner.connections(), 1);
  },
});

peerTest({
  name: "trust asks on a terminal",
  peer: [...PEER, SCRIPT],
  async fn() {
    await using sshd = await startSshd();
    const { path, args } = programCommand();
    for (const answer of ["no", "yes"]) {
      using place = emptyHome();
      const words = [path, ...args, "trust", `${sshd.host}:${sshd.port}`];
      const line = words.map((word) => shellWord(word)).join(" ");
      const child = new Deno.Command("script", {
        args: ["--quiet", "--return", "--command", line, "/dev/null"],
        env: { ...runtimeEnvironment(), HOME: place.home, SSH_CONFIG: "", SHELL: "/bin/sh" },
        ...{ clearEnv: true, stdin: "piped", stdout: "piped", stderr: "piped" },
      }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(`${answer}\n`));
      const { code, stdout } = await child.output();
      await writer.close().catch(() => {});
      const text = new TextDecoder().decode(stdout);
      assert.match(text, /Add the new keys to .*known_hosts \(yes, no or a fingerprint\)\? /);
      if (answer === "no") assert.throws(() => place.text());
      else assert.ok(await connects(sshd, place.known));
      assert.equal(code, answer === "no" ? 1 : 0, text);
    }
  },
});

const REFUSED: readonly (readonly [string[], RegExp])[] = [
  [["h", "--yes", "MD5:00"], /^no fingerprint: /],
  [["bob@h"], /^the keys of a host do not depend on the user/],
  [["h:0"], /^no host: "h:0"/],
  [[], /^trust needs HOST\[:PORT\]\n/],
];

for (const [args, message] of REFUSED) {
  Deno.test(`trust refuses [${args.join(" ")}]`, async () => {
    using place = emptyHome();
    const { code, stdout, stderr } = await place.trust(...args);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, message);
  });
}

Deno.test("trust says that a host cannot be reached", async () => {
  using place = emptyHome();
  const { code, stderr } = await place.trust("127.0.0.1:1");
  assert.equal(code, 1);
  assert.match(stderr, /127\.0\.0\.1.*refused/i);
});
