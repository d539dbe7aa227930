import assert from "node:assert/strict";
import { run } from "./account.ts";
import { failureOf, openSession, type SessionOptions } from "./openssh.ts";
import { peerTest, SSHD } from "./require.ts";
import { type KeyType, type Sshd, startSshd } from "./sshd.ts";

const strict = (path: string, isStrict = true): SessionOptions => ({
  ssh: { knownHostsPaths: [path], strictHostKeyChecking: isStrict },
});

async function isTrusted(sshd: Sshd, options: SessionOptions): Promise<boolean> {
  await using session = await openSession(sshd, options);
  return (await session.exec("true")).exitCode === 0;
}

async function refusal(sshd: Sshd, options: SessionOptions) {
  await using session = await openSession(sshd, options);
  return await failureOf(session.exec("true"));
}

/** Makes a known_hosts file for one test. */
async function writeKnown(sshd: Sshd, text: string): Promise<string> {
  const path = `${sshd.knownHostsPath}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(path, text);
  return path;
}

peerTest({
  peer: SSHD,
  name: "a host with an unknown key is refused, with its fingerprint and the remedy",
  async fn() {
    await using sshd = await startSshd();
    const path = await writeKnown(sshd, "");
    for (const known of [path, `${path}-missing`]) {
      const error = await refusal(sshd, strict(known));
      assert.equal(error.code, "host_key_unknown");
      assert.match(error.message, /Server '127\.0\.0\.1' not found in known_hosts/);
      const printed = await run("/usr/bin/ssh-keygen", ["-l", "-f", sshd.knownHostsPath]);
      const [, fingerprint = "none"] = printed.split(" ");
      assert.ok(error.message.includes(fingerprint), error.message);
      assert.ok(error.suggestion.includes(`ssh-keyscan -H -p ${sshd.port} 127.0.0.1`));
    }
  },
});

peerTest({
  peer: SSHD,
  name: "a host is known by a plain or hashed name with its port",
  async fn() {
    await using sshd = await startSshd();
    assert.ok(sshd.knownHostsText.startsWith(`[127.0.0.1]:${sshd.port} `));
    assert.ok(await isTrusted(sshd, strict(sshd.knownHostsPath)));
    const hashed = await writeKnown(sshd, sshd.knownHostsText);
    await run("/usr/bin/ssh-keygen", ["-H", "-f", hashed]);
    assert.ok((await Deno.readTextFile(hashed)).startsWith("|1|"));
    assert.ok(await isTrusted(sshd, strict(hashed)));
    const scanned = await run("/usr/bin/ssh-keyscan", ["-H", "-p", `${sshd.port}`, sshd.host]);
    assert.ok(await isTrusted(sshd, strict(await writeKnown(sshd, scanned))));
    const other = sshd.knownHostsText.replace(String(sshd.port), "4");
    assert.equal(
      (await refusal(sshd, strict(await writeKnown(sshd, other)))).code,
      "host_key_unknown",
    );
  },
});

peerTest({
  peer: SSHD,
  name: "a changed host key is refused, even if unknown keys are accepted",
  async fn() {
    await using sshd = await startSshd();
    const fresh = await sshd.replaceHostKey();
    for (const isStrict of [true, false]) {
      const error = await refusal(sshd, strict(sshd.knownHostsPath, isStrict));
      assert.equal(error.code, "host_key_changed");
      assert.match(error.message, /has changed/);
      assert.ok(error.message.includes(sshd.knownHostsPath));
      assert.match(error.suggestion, /ssh-keygen -R/);
    }
    assert.ok(await isTrusted(sshd, strict(await writeKnown(sshd, fresh))));
  },
});

peerTest({
  peer: SSHD,
  name: "an accepted unknown key is remembered only by the process",
  async fn() {
    await using sshd = await startSshd();
    const path = await writeKnown(sshd, "");
    await using session = await openSession(sshd, strict(path, false));
    assert.equal((await session.exec("true")).exitCode, 0);
    await sshd.restart();
    assert.equal((await session.exec("true")).exitCode, 0);
    await sshd.replaceHostKey();
    const error = await failureOf(session.exec("true"));
    assert.equal(error.code, "host_key_changed");
    assert.match(error.suggestion, /restart this server/);
    assert.equal(await Deno.readTextFile(path), "");
    assert.ok(await isTrusted(sshd, strict(path, false)));
  },
});

peerTest({
  peer: SSHD,
  name: "the handshake requests the known key type",
  async fn() {
    const types: readonly KeyType[] = ["ed25519", "ecdsa", "rsa"];
    await using sshd = await startSshd({ hostKeyTypes: types });
    const lines = sshd.knownHostsText.trim().split("\n");
    assert.equal(lines.length, 3);
    for (const line of lines) {
      assert.ok(await isTrusted(sshd, strict(await writeKnown(sshd, `${line}\n`))), line);
    }
    await using poorer = await startSshd({ hostKeyTypes: ["rsa"] });
    const wrongType = sshd.knownHostsText.split("\n")[0]?.replace(`${sshd.port}`, `${poorer.port}`);
    const error = await refusal(poorer, strict(await writeKnown(poorer, `${wrongType}\n`)));
    assert.equal(error.code, "host_key_changed");
  },
});

peerTest({
  peer: SSHD,
  name: "a revoked key is refused whatever other lines say",
  async fn() {
    await using sshd = await startSshd();
    const text = `${sshd.knownHostsText}@revoked ${sshd.knownHostsText}`;
    for (const isStrict of [true, false]) {
      const error = await refusal(sshd, strict(await writeKnown(sshd, text), isStrict));
      assert.equal(error.code, "host_key_changed");
      assert.match(error.message, /revoked/);
    }
  },
});

peerTest({
  peer: SSHD,
  name: "diagnose() reports each step, and the line that is missing in known_hosts",
  async fn() {
    await using sshd = await startSshd();
    await using good = await openSession(sshd);
    const checks = await good.host.diagnose();
    assert.deepEqual(checks.filter(({ ok }) => !ok), []);
    const steps = checks.map(({ step }) => step);
    for (const step of ["TCP", "command", "SFTP", "sha256"]) assert.ok(steps.includes(step), step);
    await using bad = await openSession(sshd, strict(await writeKnown(sshd, "")));
    const failed = (await bad.host.diagnose()).find(({ ok }) => !ok);
    assert.match(
      failed?.remedy ?? "",
      /ssh-keyscan .*\n {5}-> or add this line to .*:\n {8}\S+ ssh-/,
    );
  },
});
