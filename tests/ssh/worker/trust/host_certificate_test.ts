import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import {
  certificateFault,
  presentedBy,
} from "../../../../src/ssh/worker/trust/host_certificate.ts";
import { pure } from "../../../support/pure.ts";

/** Made with `ssh-keygen -h -n web1`, for an Ed25519 key, by authorities of each type. */
const MADE = {
  ed25519: {
    certificate:
      "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIBy/GH+S6pi6g8qVpSu8SObtVH5T67gK4QwGwk1Xp9xIAAAAIAqksgUByBXeS29RCYRn7HuMJeM0cT2OTdAQBHT51D8xAAAAAAAAAAAAAAACAAAABGhvc3QAAAAIAAAABHdlYjEAAAAAAAAAAP//////////AAAAAAAAAAAAAAAAAAAAMwAAAAtzc2gtZWQyNTUxOQAAACA4JjKjlu89pOdLtu32jhrLwqD3ZM0FyQPWaH9lOLvn7gAAAFMAAAALc3NoLWVkMjU1MTkAAABAZTlURHdu+hRoJ+iDmXtFQ1KEbmAM63sK+/NUE5e3W9IYHBfg4rP2hkwYtuTlcdvZc2TXfwwyupucJIGAIur2Dg==",
    key: "AAAAC3NzaC1lZDI1NTE5AAAAIAqksgUByBXeS29RCYRn7HuMJeM0cT2OTdAQBHT51D8x",
    authority: "AAAAC3NzaC1lZDI1NTE5AAAAIDgmMqOW7z2k50u27faOGsvCoPdkzQXJA9Zof2U4u+fu",
  },
  ecdsa: {
    certificate:
      "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIEV+vdQgbFBtzbMy+5BoMBERdvOvj8SGWzttTZrWWQyXAAAAIKF9bbfaQDH+pr9H0eF2x4TaxM2tMq8+Cjex6hcViuPkAAAAAAAAAAAAAAACAAAABGhvc3QAAAAIAAAABHdlYjEAAAAAAAAAAP//////////AAAAAAAAAAAAAAAAAAAAaAAAABNlY2RzYS1zaGEyLW5pc3RwMjU2AAAACG5pc3RwMjU2AAAAQQTZPKlkJ2cdocKnmHd3G66qzG4Z4P4v9ab3Kz4h8xrEAbVkJujCDBsiyaKBhL/a+FWLskWeu89rjC8+MkmQ22LyAAAAZAAAABNlY2RzYS1zaGEyLW5pc3RwMjU2AAAASQAAACEArOq4JqRVgjnr9uzEbB0dcJL8mCA56+N9ZM5mdzpZbbcAAAAgPPloQmrVkdsiOYFTMRdUMmqu3/ClvXpjA8VYVp8U/no=",
    key: "AAAAC3NzaC1lZDI1NTE5AAAAIKF9bbfaQDH+pr9H0eF2x4TaxM2tMq8+Cjex6hcViuPk",
    authority:
      "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBNk8qWQnZx2hwqeYd3cbrqrMbhng/i/1pvcrPiHzGsQBtWQm6MIMGyLJooGEv9r4VYuyRZ67z2uMLz4ySZDbYvI=",
  },
  rsa: {
    certificate:
      "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIJhtTk+sR6bVQMsDbrH5Hi+9hrdGXwgtYN3Co6KBsJtMAAAAIITVTtFJXSTtiew6Cu1tyo4Eq4NM/9AX70cUdSaAvOuaAAAAAAAAAAAAAAACAAAABGhvc3QAAAAIAAAABHdlYjEAAAAAAAAAAP//////////AAAAAAAAAAAAAAAAAAAAlwAAAAdzc2gtcnNhAAAAAwEAAQAAAIEAyJmZqks/B+ck8EEKR0uLrGvECg5UX30hK/tTuosbW8akf5g0D19LhGwMlQL3JYeJ0IkkLJy+ThQ699ipefp/N8Lg9LgXkJ4tKvd+n42CUwBSEQ3eFZhCl1a6uyoI1xMNvSV8wx3rOGC1WFevd3vjyn3hHwKYSBwLZiNvH9oNQocAAACUAAAADHJzYS1zaGEyLTUxMgAAAIBdYxp1AQhcLxNGXFm5rP2A9y0WqhOV+gFGgwokVm7eYufCt+wcYRRSwH3MQ6Kbry/62HSGPjV8tR2pSgEl1kv9xhyhb+V+40LgrL4sy7M3t/AJPLTSKX0fUW5+lbHW7Xyj3KJiO2/63yD/ShMqXP/mvblQoo8CvW9ECsXCEgbwtQ==",
    key: "AAAAC3NzaC1lZDI1NTE5AAAAIITVTtFJXSTtiew6Cu1tyo4Eq4NM/9AX70cUdSaAvOua",
    authority:
      "AAAAB3NzaC1yc2EAAAADAQABAAAAgQDImZmqSz8H5yTwQQpHS4usa8QKDlRffSEr+1O6ixtbxqR/mDQPX0uEbAyVAvclh4nQiSQsnL5OFDr32Kl5+n83wuD0uBeQni0q936fjYJTAFIRDd4VmEKXVrq7KgjXEw29JXzDHes4YLVYV693e+PKfeEfAphIHAtmI28f2g1Chw==",
  },
};

const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));

for (const [type, { certificate, key, authority }] of Object.entries(MADE)) {
  pure(`presentedBy() takes a certificate of an authority with an ${type} key apart`, () => {
    const presented = presentedBy(bytesOf(certificate));
    assert.ok(presented?.certificate);
    assert.equal(Buffer.from(presented.plainKey).toString("base64"), key);
    assert.equal(presented.certificate.authority.toString("base64"), authority);
    assert.deepEqual(presented.certificate.principals, ["web1"]);
    assert.equal(certificateFault(presented.certificate, "web1", 0), undefined);
    assert.equal(certificateFault(presented.certificate, "web2", 0), "is for web1");
  });

  pure(`presentedBy() refuses a certificate of an ${type} authority with one changed bit`, () => {
    const bytes = bytesOf(certificate);
    for (const [at] of bytes.entries()) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (bytes[at] ?? 0) ^ 1;
      const presented = presentedBy(changed);
      const { certificate: other } = presented ?? {};
      // With another type, or a signature of another kind, it is not trusted either.
      const isTrusted = other !== undefined && certificateFault(other, "web1", 0) === undefined;
      assert.ok(!isTrusted, `byte ${at}`);
    }
  });
}

pure("presentedBy() refuses a certificate that is cut, or has more", () => {
  const bytes = bytesOf(MADE.ed25519.certificate);
  for (let length = 40; length < bytes.length; length++) {
    assert.equal(presentedBy(bytes.slice(0, length)), undefined, `${length} bytes`);
  }
  assert.equal(presentedBy(Uint8Array.of(...bytes, 0)), undefined);
});

pure("presentedBy() returns a plain key as it is", () => {
  const key = bytesOf(MADE.rsa.authority);
  assert.deepEqual(presentedBy(key), { plainKey: key });
});
