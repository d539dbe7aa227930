import assert from "node:assert/strict";
import { dirname } from "node:path";
import type { Login } from "../../src/config/config.ts";
import { run } from "./account.ts";
import { failureOf, openSession } from "./openssh.ts";
import { addToAgent, startAgent } from "../support/agent.ts";
import { OPENSSL, peerTest, ROOT, SSH_AGENT, SSHD } from "./require.ts";
import { type Sshd, startSshd } from "./sshd.ts";

/** Logs in and returns the name of the user. */
async function whoAmI(sshd: Sshd, login: Login): Promise<string> {
  await using session = await openSession(sshd, { ssh: { login } });
  return (await session.read("id -un")).trim();
}

async function refusal(sshd: Sshd, login: Login) {
  await using session = await openSession(sshd, { ssh: { login } });
  return await failureOf(session.exec("true"));
}

const keyLogin = (path: string, passphrase?: string): Login => ({ kind: "key", path, passphrase });

/** Makes another key that may log in. */
async function addKey(sshd: Sshd, name: string, options: readonly string[]): Promise<string> {
  const dir = dirname(sshd.keyPath);
  const path = `${dir}/${name}`;
  await run("/usr/bin/ssh-keygen", ["-q", "-C", "test", "-f", path, ...options]);
  const line = await Deno.readTextFile(`${path}.pub`);
  await Deno.writeTextFile(`${dir}/authorized_keys`, line, { append: true });
  return path;
}

const KINDS = {
  ed25519: ["-t", "ed25519"],
  ecdsa256: ["-t", "ecdsa", "-b", "256"],
  ecdsa384: ["-t", "ecdsa", "-b", "384"],
  ecdsa521: ["-t", "ecdsa", "-b", "521"],
  rsa: ["-t", "rsa", "-b", "2048"],
} as const;

peerTest({
  peer: SSHD,
  name: "login accepts every key type in every format, with and without passphrase",
  async fn() {
    await using sshd = await startSshd();
    for (const [kind, options] of Object.entries(KINDS)) {
      // ssh-keygen writes Ed25519 only in its own format.
      for (const format of kind === "ed25519" ? ["RFC4716"] : ["RFC4716", "PEM", "PKCS8"]) {
        for (const passphrase of ["", "correct horse ü"]) {
          const name = `${kind}_${format}_${passphrase.length}`;
          const path = await addKey(sshd, name, [...options, "-N", passphrase]);
          if (format !== "RFC4716") {
            const change = ["-q", "-p", "-m", format, "-P", passphrase, "-N", passphrase];
            await run("/usr/bin/ssh-keygen", [...change, "-f", path]);
          }
          const login = keyLogin(path, passphrase === "" ? undefined : passphrase);
          const answer = await whoAmI(sshd, login).catch((error) => error.message);
          assert.deepEqual([name, answer], [name, sshd.username]);
        }
      }
    }
  },
});

peerTest({
  peer: [SSHD, OPENSSL],
  name: "login accepts PEM keys from openssl, with and without passphrase",
  async fn() {
    await using sshd = await startSshd();
    const dir = dirname(sshd.keyPath);
    const kinds = {
      ed25519: ["-algorithm", "ed25519"],
      p256: ["-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
      p521: ["-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"],
      rsa: ["-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048"],
    };
    for (const [kind, options] of Object.entries(kinds)) {
      const [open, locked] = [`${dir}/${kind}.pem`, `${dir}/${kind}_locked.pem`];
      await run("/usr/bin/openssl", ["genpkey", "-quiet", ...options, "-out", open]);
      const lock = ["pkcs8", "-topk8", "-passout", "pass:secret", "-in", open, "-out", locked];
      await run("/usr/bin/openssl", lock);
      await allow(open, kind);
      for (const [path, passphrase] of [[open, undefined], [locked, "secret"]] as const) {
        const answer = await whoAmI(sshd, keyLogin(path, passphrase)).catch((error) =>
          error.message
        );
        assert.deepEqual([path, answer], [path, sshd.username]);
      }
    }
  },
});

/** Authorizes a key made by openssl. ssh-keygen reads the public half of all types but Ed25519. */
async function allow(path: string, kind: string): Promise<void> {
  const pem = await run("/usr/bin/openssl", ["pkey", "-in", path, "-pubout"]);
  const line = kind === "ed25519"
    ? ed25519Line(pem)
    : await run("/usr/bin/ssh-keygen", ["-i", "-m", "PKCS8", "-f", "/dev/stdin"], pem);
  await Deno.writeTextFile(`${dirname(path)}/authorized_keys`, line, { append: true });
}

/** The key is at the end of openssl's output. Source: RFC 8410 section 4. */
function ed25519Line(pem: string): string {
  const der = Uint8Array.fromBase64(pem.replaceAll(/-----.*-----/g, ""));
  const head = Uint8Array.of(0, 0, 0, 11, ...new TextEncoder().encode("ssh-ed25519"), 0, 0, 0, 32);
  return `ssh-ed25519 ${Uint8Array.of(...head, ...der.slice(-32)).toBase64()}\n`;
}

peerTest({
  peer: SSHD,
  name: "login reports what is wrong with a key",
  async fn() {
    await using sshd = await startSshd();
    const locked = await addKey(sshd, "locked", [...KINDS.ed25519, "-N", "secret"]);
    const pem = await addKey(sshd, "locked_pem", [...KINDS.rsa, "-m", "PEM", "-N", "secret"]);
    const large = await addKey(sshd, "large", [...KINDS.ecdsa521, "-m", "PEM", "-N", "secret"]);
    for (const path of [locked, pem, large]) {
      const missing = await refusal(sshd, keyLogin(path));
      assert.equal(missing.code, "private_key");
      assert.match(missing.message, /encrypted and no passphrase is set/);
      assert.match(missing.suggestion, /SSH_KEY_PASSPHRASE/);
      const wrong = await refusal(sshd, keyLogin(path, "wrong"));
      assert.equal(wrong.code, "private_key");
      assert.match(wrong.message, /the passphrase is wrong/);
    }
    const publicKey = await refusal(sshd, keyLogin(`${sshd.keyPath}.pub`));
    assert.equal(publicKey.code, "private_key");
    assert.match(publicKey.message, /public key/);
    const noKey = await refusal(sshd, keyLogin(sshd.knownHostsPath));
    assert.equal(noKey.code, "private_key");
    const nothing = await refusal(sshd, keyLogin(`${sshd.keyPath}_none`));
    assert.equal(nothing.code, "private_key");
    assert.match(nothing.suggestion, /^Set SSH_KEY to the file of the private key/);
    const path = `${dirname(sshd.keyPath)}/stranger`;
    await run("/usr/bin/ssh-keygen", ["-q", ...KINDS.ed25519, "-N", "", "-f", path]);
    const stranger = await refusal(sshd, keyLogin(path));
    assert.equal(stranger.code, "authentication_failed");
    const whom = `${sshd.username}@127.0.0.1:${sshd.port}`;
    assert.ok(stranger.message.startsWith(`Authentication failed for ${whom}`), stranger.message);
    assert.match(stranger.suggestion, /SSH_USERNAME.*SSH_KEY/);
  },
});

peerTest({
  peer: [SSHD, ROOT],
  name: "login accepts a password, and reports a wrong one without showing it",
  async fn() {
    await using sshd = await startSshd();
    const password = sshd.password ?? "";
    assert.equal(await whoAmI(sshd, { kind: "password", password }), sshd.username);
    const wrong = await refusal(sshd, { kind: "password", password: "wrong-one" });
    assert.equal(wrong.code, "authentication_failed");
    assert.doesNotMatch(`${wrong.message} ${wrong.suggestion}`, /wrong-one/);
  },
});

peerTest({
  peer: [SSHD, ROOT],
  name: "login answers keyboard-interactive questions with the password",
  async fn() {
    await using sshd = await startSshd({
      config: ["UsePAM yes", "KbdInteractiveAuthentication yes", "PasswordAuthentication no"],
    });
    const password = sshd.password ?? "";
    assert.equal(await whoAmI(sshd, { kind: "password", password }), sshd.username);
    assert.match(sshd.log(), /Accepted keyboard-interactive\/pam for/);
    const wrong = await refusal(sshd, { kind: "password", password: "wrong-one" });
    assert.equal(wrong.code, "authentication_failed");
  },
});

peerTest({
  peer: [SSHD, SSH_AGENT],
  name: "login uses the agent's keys, and reports if none matches",
  async fn() {
    await using sshd = await startSshd({ clientKeyTypes: ["ed25519", "rsa", "ecdsa"] });
    const socket = `${dirname(sshd.keyPath)}/agent`;
    {
      await using _agent = await startAgent(socket);
      const login = { kind: "agent", socket } as const;
      assert.equal((await refusal(sshd, login)).code, "authentication_failed");
      for (const type of ["ed25519", "rsa", "ecdsa"] as const) {
        await addToAgent(socket, sshd.keyPathOf(type));
        assert.equal(await whoAmI(sshd, login), sshd.username);
        await addToAgent(socket, "-D");
      }
    }
    const gone = await refusal(sshd, { kind: "agent", socket: `${socket}-gone` });
    assert.equal(gone.code, "authentication_failed");
    assert.match(gone.message, /agent/);
  },
});

for (
  const cipher of [
    "chacha20-poly1305@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes256-ctr",
  ]
) {
  peerTest({
    peer: SSHD,
    name: `login and transfers work with a host that offers ${cipher} only`,
    async fn() {
      await using sshd = await startSshd({ config: [`Ciphers ${cipher}`] });
      await using session = await openSession(sshd);
      await session.file("up", crypto.getRandomValues(new Uint8Array(60_000)));
      const outcomes = await Promise.all([1, 2, 3].map((code) => session.exec(`exit ${code}`)));
      assert.deepEqual(outcomes.map(({ exitCode }) => exitCode), [1, 2, 3]);
      assert.equal((await session.upload("up", "up")).verified, "sha256");
      assert.equal((await session.download("up", "down")).verified, "sha256");
    },
  });
}

peerTest({
  peer: SSHD,
  name: "a host that announces its keys gets a packet at once, so its first channel is not delayed",
  async fn() {
    await using sshd = await startSshd({ config: ["LogLevel DEBUG1"] });
    await using session = await openSession(sshd);
    for (const word of ["one", "two"]) await session.read(`echo ${word}`);
    const requests = sshd.log().matchAll(
      /server_input_(global_request: rtype \S+|channel_open: ctype)/g,
    );
    assert.deepEqual([...requests].map(([, what]) => what).slice(0, 2).sort(), [
      "channel_open: ctype",
      "global_request: rtype keepalive@openssh.com",
    ]);
    assert.equal(sshd.log().match(/rtype keepalive@openssh.com/g)?.length, 1);
  },
});
