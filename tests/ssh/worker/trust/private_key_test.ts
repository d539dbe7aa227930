import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import { RemoteExecError } from "../../../../src/errors.ts";
import { usablePrivateKey } from "../../../../src/ssh/worker/trust/private_key.ts";
import { type HostKeyType, privateKeyOf, publicKeyOf } from "../../../fakes/ssh_host_keys.ts";
import { pure } from "../../../support/pure.ts";
import { sessionTest } from "../../../support/session.ts";

const PASSPHRASE = "open sesame";

/** Returns a PKCS#8 key, encrypted if there is a passphrase. */
function pkcs8(kind: "rsa" | "ec" | "ed25519", passphrase?: string): string {
  const privateKeyEncoding = {
    type: "pkcs8",
    format: "pem",
    ...(passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase }),
  } as const;
  const publicKeyEncoding = { type: "spki", format: "pem" } as const;
  const encoding = { privateKeyEncoding, publicKeyEncoding };
  if (kind === "ed25519") return generateKeyPairSync("ed25519", encoding).privateKey;
  return kind === "rsa"
    ? generateKeyPairSync("rsa", { modulusLength: 2048, ...encoding }).privateKey
    : generateKeyPairSync("ec", { namedCurve: "prime256v1", ...encoding }).privateKey;
}

const isUsable = (text: string) => !(ssh2.utils.parseKey(text) instanceof Error);

for (const type of ["ed25519", "ecdsa", "rsa"] as const) {
  Deno.test(`usablePrivateKey() accepts an ${type} key unchanged`, () => {
    const key = privateKeyOf(type);
    const usable = usablePrivateKey("id", key, undefined);
    assert.equal(publicKeyOf(usable), publicKeyOf(key));
  });
}

for (const kind of ["rsa", "ec", "ed25519"] as const) {
  Deno.test(`usablePrivateKey() converts a PKCS#8 key (${kind}), encrypted or not`, () => {
    assert.ok(isUsable(usablePrivateKey("id", pkcs8(kind), undefined)));
    assert.ok(isUsable(usablePrivateKey("id", pkcs8(kind, PASSPHRASE), PASSPHRASE)));
  });
}

Deno.test("usablePrivateKey() converts P-521 keys whose numbers start with zeros", () => {
  for (let turn = 0; turn < 40; turn++) {
    const made = generateKeyPairSync("ec", { namedCurve: "P-521" });
    const pem = made.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const parsed = ssh2.utils.parseKey(usablePrivateKey("id", pem, undefined));
    assert.ok(!(parsed instanceof Error) && !Array.isArray(parsed));
    const { x = "", y = "" } = made.publicKey.export({ format: "jwk" });
    const point = [x, y].map((value) => Buffer.from(value, "base64url"));
    assert.deepEqual(parsed.getPublicSSH().subarray(-132), Buffer.concat(point));
    assert.equal(parsed.verify("text", parsed.sign("text")), true);
  }
});

function refused(text: string, passphrase?: string, path = "/home/me/id"): RemoteExecError {
  try {
    usablePrivateKey(path, text, passphrase);
  } catch (error) {
    if (error instanceof RemoteExecError && error.code === "private_key") return error;
    throw error;
  }
  return assert.fail("the key was taken");
}

Deno.test("usablePrivateKey() asks for the passphrase of an encrypted key", () => {
  const { message, suggestion } = refused(pkcs8("ec", PASSPHRASE));
  assert.equal(
    message,
    "Failed to load private key from /home/me/id: it is encrypted and no passphrase is set",
  );
  assert.match(suggestion, /^Set SSH_KEY_PASSPHRASE/);
});

Deno.test("usablePrivateKey() reports a wrong passphrase", () => {
  const { message, suggestion } = refused(pkcs8("ec", PASSPHRASE), "something else");
  assert.match(message, /the passphrase is wrong$/);
  assert.equal(suggestion, "Correct SSH_KEY_PASSPHRASE");
});

pure("usablePrivateKey() reports what a file is if it is not a private key", () => {
  assert.match(refused("ssh-ed25519 AAAAC3Nza me@here").message, /it is a public key$/);
  for (const text of ["hello", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"]) {
    const { message, suggestion } = refused(text);
    assert.match(message, /Supported formats: RSA, Ed25519, ECDSA/);
    assert.match(suggestion, /^Test the key with ssh-keygen -y -f \/home\/me\/id/);
  }
});

const ppk = (version: 2 | 3, encryption: string): string =>
  [
    `PuTTY-User-Key-File-${version}: ssh-ed25519`,
    `Encryption: ${encryption}`,
    "Comment: laptop",
    "Public-Lines: 2",
    "AAAAC3NzaC1lZDI1NTE5AAAAIDIXl2FNkUIHkxjfhb5oaonzI1zsXL6rUW9mrFXc",
    "J5xP",
    ...(version === 3 && encryption !== "none" ? ["Key-Derivation: Argon2id"] : []),
    "Private-Lines: 1",
    "AAAAIO",
    "Private-MAC: 00",
    "",
  ].join("\r\n");

const FOREIGN: readonly (readonly [text: string, what: RegExp, remedy: RegExp])[] = [
  [ppk(3, "none"), /it is a PuTTY key$/, /puttygen '\/home\/me\/my id' -O private-openssh -o/],
  [ppk(3, "aes256-cbc"), /it is a PuTTY key$/, /puttygen .* -O private-openssh -o/],
  [
    "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: x\nAAAA\n---- END SSH2 ENCRYPTED PRIVATE KEY ----\n",
    /it is a key of another SSH program/,
    /^Convert it: ssh-keygen -i -f '\/home\/me\/my id' > /,
  ],
  [
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    /it is a certificate$/,
    /^Set SSH_KEY to/,
  ],
  ["", /it is empty$/, /^Set SSH_KEY to/],
  [" \n", /it is empty$/, /^Set SSH_KEY to/],
  ["\ufffd\ufffd-\0-\0-\0-\0-\0", /it is not UTF-8 text$/, /^Save it as UTF-8/],
];

pure("usablePrivateKey() names a file of another kind, and what to do with it", () => {
  for (const [text, what, remedy] of FOREIGN) {
    for (const passphrase of [undefined, PASSPHRASE]) {
      const { message, suggestion } = refused(text, passphrase, "/home/me/my id");
      assert.match(message, what);
      assert.match(suggestion, remedy);
    }
  }
});

Deno.test("usablePrivateKey() finds the key among other text, as OpenSSL does", () => {
  for (const key of [privateKeyOf("ed25519"), privateKeyOf("rsa"), pkcs8("ec")]) {
    const known = publicKeyOf(usablePrivateKey("id", key, undefined));
    const forms = [
      `${key}\n# the key of the build server\n`,
      `Bag Attributes\n    friendlyName: x\n${key}`,
      `\ufeff\n\n${key.trim().replaceAll("\n", "\r\n")}`,
    ];
    for (const form of forms) {
      assert.equal(publicKeyOf(usablePrivateKey("id", form, undefined)), known);
    }
  }
});

// One path per type, so each test below has its own key file.
const KEYS = Object.fromEntries(
  (["ed25519", "ecdsa", "rsa"] as const).map((type) => [type, privateKeyOf(type)]),
) as Record<HostKeyType, string>; // the keys are the types listed here

function keyFile(text: string): string {
  const path = Deno.makeTempFileSync({ prefix: "mre_key_" });
  Deno.writeTextFileSync(path, text);
  globalThis.addEventListener("unload", () => Deno.removeSync(path));
  return path;
}

for (const type of ["ed25519", "ecdsa", "rsa"] as const) {
  sessionTest(`a session logs in with an ${type} key`, async ({ exec }) => {
    assert.equal((await exec("echo in")).stdout.text, "in\n");
  }, {
    host: { users: [{ name: "operator", publicKeys: [publicKeyOf(KEYS[type])] }] },
    login: { kind: "key", path: keyFile(KEYS[type]), passphrase: undefined },
  });
}

const ENCRYPTED = pkcs8("rsa", PASSPHRASE);

sessionTest("a session logs in with an encrypted PKCS#8 key", async ({ exec }) => {
  assert.equal((await exec("echo in")).stdout.text, "in\n");
}, {
  host: {
    users: [{
      name: "operator",
      publicKeys: [publicKeyOf(usablePrivateKey("id", ENCRYPTED, PASSPHRASE))],
    }],
  },
  login: { kind: "key", path: keyFile(ENCRYPTED), passphrase: PASSPHRASE },
});

sessionTest(
  "a session answers keyboard-interactive questions with the password",
  async ({ exec }) => {
    assert.equal((await exec("echo in")).stdout.text, "in\n");
  },
  {
    host: {
      users: [{
        name: "operator",
        keyboardInteractive: [{ prompt: "Password: ", answer: "open sesame" }],
      }],
    },
    login: { kind: "password", password: "open sesame" },
  },
);

sessionTest("a session reports the refused user and method", async ({ exec, host }) => {
  await assert.rejects(exec("true"), {
    code: "authentication_failed",
    message: `Authentication failed for operator@127.0.0.1:${host.port} (tried: password)`,
  });
}, { login: { kind: "password", password: "wrong" } });
