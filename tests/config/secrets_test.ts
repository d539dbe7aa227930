import assert from "node:assert/strict";
import { secretsIn } from "../../src/config/secrets.ts";
import { configOf } from "../support/config.ts";
import { pure } from "../support/pure.ts";

pure("secretsIn() returns only the secrets of the given settings", () => {
  const config = configOf({
    SSH_PASSWORD: "the password",
    DOWNLOAD_API_KEY: "the key of the HTTP API",
    ENABLE_IMAGEKIT: "true",
    IMAGEKIT_PUBLIC_KEY: "public_0123456789",
    IMAGEKIT_PRIVATE_KEY: "private_0123456789",
    IMAGEKIT_URL_ENDPOINT: "https://ik.imagekit.io/x",
    R2_ACCOUNT_ID: "account",
    R2_ACCESS_KEY: "the access key",
    R2_SECRET_KEY: "the secret key",
    R2_BUCKET: "bucket",
  });
  const { secrets, ssh, downloads, imageKit, r2 } = config;
  assert.deepEqual(secretsIn({ ssh }, secrets), ["the password"]);
  assert.deepEqual(secretsIn({ downloads }, secrets), ["the key of the HTTP API"]);
  const transfers = ["private_0123456789", "the access key", "the secret key"];
  assert.deepEqual(
    secretsIn({ imageKit, r2 }, secrets).toSorted(),
    secrets.filter((secret) => transfers.includes(secret)).toSorted(),
  );
  const all = [ssh, downloads, imageKit, r2].flatMap((part) => secretsIn(part, secrets));
  assert.deepEqual(all.toSorted(), secrets.toSorted());
});
