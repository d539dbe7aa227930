import assert from "node:assert/strict";
import { run } from "./account.ts";
import { openSession } from "./openssh.ts";
import { peerTest, SSHD } from "./require.ts";
import { startSshd } from "./sshd.ts";

const KEX = [
  "curve25519-sha256",
  "ecdh-sha2-nistp256",
  "ecdh-sha2-nistp384",
  "diffie-hellman-group-exchange-sha256",
  "diffie-hellman-group14-sha256",
  "diffie-hellman-group16-sha512",
];

for (const kex of KEX) {
  peerTest({
    peer: SSHD,
    name: `a host that prefers nistp521 is reached with ${kex}`,
    async fn() {
      await using sshd = await startSshd({
        config: [`KexAlgorithms ecdh-sha2-nistp521,${kex}`],
      });
      await using session = await openSession(sshd);
      assert.equal(await session.read("echo in"), "in\n");
    },
  });
}

for (const bits of ["256", "384", "521"]) {
  peerTest({
    peer: SSHD,
    name: `a host is reached whose only key is ECDSA with ${bits} bits`,
    async fn() {
      const dir = await Deno.makeTempDir({ prefix: "mre_ecdsa_" });
      const path = `${dir}/key`;
      await run("/usr/bin/ssh-keygen", ["-q", "-t", "ecdsa", "-b", bits, "-N", "", "-f", path]);
      await using sshd = await startSshd({
        config: [`HostKey ${path}`, `HostKeyAlgorithms ecdsa-sha2-nistp${bits}`],
      });
      const [type, key] = (await Deno.readTextFile(`${path}.pub`)).split(" ");
      await Deno.writeTextFile(`${dir}/known`, `[127.0.0.1]:${sshd.port} ${type} ${key}\n`);
      await using session = await openSession(sshd, { ssh: { knownHostsPaths: [`${dir}/known`] } });
      assert.equal(await session.read("echo in"), "in\n");
      await Deno.remove(dir, { recursive: true });
    },
  });
}

peerTest({
  peer: SSHD,
  name: "transfers and a command survive a host that exchanges new keys every megabyte",
  async fn() {
    await using sshd = await startSshd({ config: ["RekeyLimit 1M", "LogLevel DEBUG1"] });
    await using session = await openSession(sshd);
    const content = new Uint8Array(20_000_000);
    for (let at = 0; at < content.length; at += 65_536) {
      crypto.getRandomValues(content.subarray(at, at + 65_536));
    }
    await session.file("up", content);
    // Calls that begin while a login takes long would make another one.
    await session.exec("true");
    await Deno.writeFile(`${sshd.home}/there`, content);
    const [up, down, printed] = await Promise.all([
      session.upload("up", "copy"),
      session.download(`${sshd.home}/there`, "down"),
      session.read("head -c 5000000 /dev/zero | tr '\\0' x | wc -c"),
    ]);
    assert.deepEqual([up.verified, up.sha256], ["sha256", down.sha256]);
    assert.equal(printed.trim(), "5000000");
    assert.equal(sshd.connections(), 1);
    assert.ok((sshd.log().match(/rekey (in|out) after/g)?.length ?? 0) > 10, "too few exchanges");
  },
});
