import assert from "node:assert/strict";
import { configOf, faultsOf } from "../support/config.ts";
import { pure } from "../support/pure.ts";

const R2 = {
  R2_ACCESS_KEY: "access",
  R2_SECRET_KEY: "secret",
  R2_BUCKET: "exchange",
};

const ACCOUNT = "0123456789abcdef0123456789abcdef";

pure(
  "loadConfig() refuses an R2_ENDPOINT that contains the bucket, and says what to remove",
  () => {
    const cases = [
      ["https://host.example/exchange", '"/exchange"', "https://host.example"],
      ["https://host.example:9000/exchange/", '"/exchange"', "https://host.example:9000"],
      ["https://host.example/s3/Exchange", '"/Exchange"', "https://host.example/s3"],
      ["https://host.example/exchange/transfers", '"/exchange/transfers"', "https://host.example"],
      ["https://host.example/exch%61nge", '"/exch%61nge"', "https://host.example"],
      ["http://127.0.0.1:9000/exchange", '"/exchange"', "http://127.0.0.1:9000"],
      [
        `https://${ACCOUNT}.r2.cloudflarestorage.com/exchange`,
        '"/exchange"',
        `https://${ACCOUNT}.r2.cloudflarestorage.com`,
      ],
      [
        `https://${ACCOUNT}.r2.cloudflarestorage.com/another`,
        '"/another"',
        `https://${ACCOUNT}.r2.cloudflarestorage.com`,
      ],
      [
        `https://exchange.${ACCOUNT}.r2.cloudflarestorage.com/`,
        '"exchange."',
        `https://${ACCOUNT}.r2.cloudflarestorage.com`,
      ],
      [
        `https://EXCHANGE.${ACCOUNT}.eu.r2.cloudflarestorage.com`,
        '"exchange."',
        `https://${ACCOUNT}.eu.r2.cloudflarestorage.com`,
      ],
      [
        "https://exchange.s3.eu-central-1.amazonaws.com",
        '"exchange."',
        "https://s3.eu-central-1.amazonaws.com",
      ],
      ["https://exchange.s3.example.org:8443", '"exchange."', "https://s3.example.org:8443"],
      [
        "https://exchange.fra1.digitaloceanspaces.com",
        '"exchange."',
        "https://fra1.digitaloceanspaces.com",
      ],
    ] as const;
    for (const [url, part, rest] of cases) {
      const faults = faultsOf({ ...R2, R2_ENDPOINT: url });
      assert.equal(faults.length, 1, url);
      assert.ok(faults[0]?.message.startsWith("R2_ENDPOINT contains a bucket: "), url);
      assert.ok(faults[0]?.message.includes(part), faults[0]?.message);
      assert.ok(faults[0]?.remedy.endsWith(`R2_ENDPOINT=${rest}`), faults[0]?.remedy);
    }
  },
);

pure("loadConfig() refuses an R2_ENDPOINT with credentials or a query without showing it", () => {
  for (
    const url of ["https://me:pw@host.example/exchange", "https://host.example/exchange?key=pw"]
  ) {
    const [fault] = faultsOf({ ...R2, R2_ENDPOINT: url });
    assert.match(fault?.message ?? "", /R2_ENDPOINT/);
    assert.doesNotMatch(`${fault?.message} ${fault?.remedy}`, /me:pw/);
  }
});

pure("loadConfig() keeps an R2_ENDPOINT whose address only resembles a bucket", () => {
  for (
    const url of [
      "https://host.example/storage/v1/s3",
      "https://exchange.example.org",
      `https://${ACCOUNT}.r2.cloudflarestorage.com`,
      `https://${ACCOUNT}.eu.r2.cloudflarestorage.com`,
      "https://s3.eu-central-1.amazonaws.com",
      "https://s3.dualstack.eu-central-1.amazonaws.com",
      "http://127.0.0.1:9000",
    ]
  ) {
    assert.equal(configOf({ ...R2, R2_ENDPOINT: url }).r2?.endpoint, url);
  }
});

pure("loadConfig() refuses the path of an API in a base URL of ImageKit", () => {
  const env = {
    ENABLE_IMAGEKIT: "true",
    IMAGEKIT_PUBLIC_KEY: "public_x",
    IMAGEKIT_PRIVATE_KEY: "private_x",
    IMAGEKIT_URL_ENDPOINT: "https://ik.imagekit.io/me/",
  };
  const [upload] = faultsOf({
    ...env,
    IMAGEKIT_UPLOAD_URL: "https://upload.imagekit.io/api/v1/files/upload",
  });
  assert.equal(upload?.remedy, "Remove it: IMAGEKIT_UPLOAD_URL=https://upload.imagekit.io");
  const [api] = faultsOf({ ...env, IMAGEKIT_API_URL: "https://api.imagekit.io/v1/" });
  assert.equal(api?.remedy, "Remove it: IMAGEKIT_API_URL=https://api.imagekit.io");
});
