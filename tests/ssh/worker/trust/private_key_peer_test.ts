import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createECDH } from "node:crypto";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import { usablePrivateKey } from "../../../../src/ssh/worker/trust/private_key.ts";
import { peerTest, SSH_KEYGEN } from "../../../peers/require.ts";
import { outputOf } from "../../../support/command.ts";
import { temporaryDirectory } from "../../../support/temporary_directory.ts";

/** Object identifier and bytes of the scalar. Source: RFC 5480, section 2.1.1.1. */
const CURVES = {
  prime256v1: ["2a8648ce3d030107", 32],
  secp384r1: ["2b81040022", 48],
} as const;

/** Encodes a DER value of less than 256 bytes. */
function der(tag: number, content: Uint8Array): Buffer {
  const length = content.length < 128 ? [content.length] : [0x81, content.length];
  return Buffer.concat([Uint8Array.from([tag, ...length]), content]);
}

/** Returns an "EC PRIVATE KEY" whose scalar is zeros and then a byte that is repeated. Source: RFC 5915, section 3. */
function keyWithZeros(curve: keyof typeof CURVES, zeros: number, first: number): string {
  const [oid, size] = CURVES[curve];
  const scalar = Buffer.concat([Buffer.alloc(zeros), Buffer.alloc(size - zeros, first)]);
  const ecdh = createECDH(curve);
  ecdh.setPrivateKey(scalar);
  const parts = [
    der(0x02, Uint8Array.of(1)),
    der(0x04, scalar),
    der(0xa0, der(0x06, Buffer.from(oid, "hex"))),
    der(0xa1, der(0x03, Buffer.concat([Uint8Array.of(0), ecdh.getPublicKey()]))),
  ];
  const lines = der(0x30, Buffer.concat(parts)).toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN EC PRIVATE KEY-----", ...lines, "-----END EC PRIVATE KEY-----", ""].join(
    "\n",
  );
}

async function assertUsable(path: string): Promise<void> {
  const key = ssh2.utils.parseKey(usablePrivateKey(path, Deno.readTextFileSync(path), undefined));
  assert.ok(!(key instanceof Error) && !Array.isArray(key));
  assert.equal(key.verify("text", key.sign("text")), true, path);
  const known = await outputOf("ssh-keygen", "-y", "-f", path);
  assert.equal(key.getPublicSSH().toString("base64"), known.split(" ")[1]?.trim());
}

for (const curve of ["prime256v1", "secp384r1"] as const) {
  peerTest({
    peer: SSH_KEYGEN,
    name: `a ${curve} key signs however many zeros its number starts with, as ssh-keygen writes it`,
    async fn() {
      using place = temporaryDirectory();
      // OpenSSH writes another zero before a byte with the highest bit.
      for (const first of [0x5a, 0x9a]) {
        for (const zeros of [0, 1, 2, 9, 15]) {
          const path = `${place.path}/id_${first}_${zeros}`;
          Deno.writeTextFileSync(path, keyWithZeros(curve, zeros, first), { mode: 0o600 });
          await assertUsable(path);
          await outputOf("ssh-keygen", "-q", "-p", "-N", "", "-f", path);
          assert.match(Deno.readTextFileSync(path), /BEGIN OPENSSH PRIVATE KEY/);
          await assertUsable(path);
        }
      }
    },
  });
}
