import assert from "node:assert/strict";
import { AwsClient } from "aws4fetch";
import type { R2Config } from "../../src/config/config.ts";
import { R2Bridge } from "../../src/transfers/worker/r2/r2_bridge.ts";
import { bridgeContract, call, sha256, sourceOf, text } from "../contracts/bridge.ts";
import { CURL, peerTest } from "../peers/require.ts";
import { type FakeS3, startFakeS3 } from "./s3.ts";
import { refusalOf } from "./s3_signature.ts";
import { nameFor, skippingClock, toolsWith } from "../transfers/worker/r2/fixture.ts";

const TWO_DAYS_MS = 48 * 3_600_000;
const FOREIGN = ["elsewhere/a", "transfers/README", "transfers/x/not-ours"];

const configOf = (s3: FakeS3): R2Config => ({
  accessKey: s3.accessKey,
  secretKey: s3.secretKey,
  bucket: s3.bucket,
  region: s3.region,
  endpoint: s3.endpoint,
  clientId: "server",
  maxFileBytes: 1_000_000,
});

bridgeContract({
  subject: "R2Bridge with the fake service",
  metadata: { source_client: "server", filename: "Ärger & Söhne (1) '50%'.txt", note: "a  b " },
  start() {
    const running: FakeS3[] = [];
    return Promise.resolve({
      fresh() {
        const s3 = startFakeS3();
        running.push(s3);
        const bridge = new R2Bridge(configOf(s3), toolsWith(skippingClock(), fetch));
        return Promise.resolve({
          bridge,
          newName: nameFor,
          addForeign() {
            const foreign = { bytes: text("foreign"), headers: {}, storedAtMs: 0 };
            for (const key of FOREIGN) s3.objects.set(key, foreign);
            return Promise.resolve(() =>
              Promise.resolve(FOREIGN.every((key) => s3.objects.get(key) === foreign))
            );
          },
          async addExpired(name: string) {
            await bridge.put({ name, metadata: {} }, sourceOf(text("over")), call());
            const object = s3.objects.get(`transfers/${name}`);
            assert.ok(object);
            object.storedAtMs -= TWO_DAYS_MS + 60_000;
          },
        });
      },
      async [Symbol.asyncDispose]() {
        for (const s3 of running) await s3[Symbol.asyncDispose]();
      },
    });
  },
});

Deno.test("refusalOf() accepts the vendor's example of a presigned URL, and no altered one", () => {
  // Source: Amazon S3 API reference, "Authenticating Requests: Using Query Parameters".
  const account = {
    accessKey: "AKIAIOSFODNN7EXAMPLE",
    secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    region: "us-east-1",
  };
  const address =
    "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256" +
    "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
  const verdict = (url: string, hours = 1) =>
    refusalOf(
      {
        method: "GET",
        url: new URL(url),
        headers: new Headers({ host: "examplebucket.s3.amazonaws.com" }),
        body: new Uint8Array(),
      },
      account,
      Date.parse("2013-05-24T00:00:00Z") + hours * 3_600_000,
    )?.code;
  assert.equal(verdict(address), undefined);
  assert.equal(verdict(address.replace("test.txt", "other.txt")), "SignatureDoesNotMatch");
  assert.equal(verdict(address.replace("=86400", "=86401")), "SignatureDoesNotMatch");
  assert.equal(verdict(address, 25), "ExpiredRequest");
});

Deno.test("startFakeS3() refuses wrong keys, regions, bodies and requests without a signature", async () => {
  await using s3 = startFakeS3();
  const url = `${s3.endpoint}/${s3.bucket}/key`;
  const ask = async (change: object, init: RequestInit = {}) => {
    const client = new AwsClient({
      ...{ accessKeyId: s3.accessKey, secretAccessKey: s3.secretKey, region: s3.region },
      ...{ service: "s3", retries: 0 },
      ...change,
    });
    const answer = await client.fetch(url, { method: "PUT", body: "content", ...init });
    return [answer.status, /<Code>(\w+)/.exec(await answer.text())?.[1]];
  };
  assert.deepEqual(await ask({}), [200, undefined]);
  assert.deepEqual(await ask({ secretAccessKey: "x" }), [403, "SignatureDoesNotMatch"]);
  assert.deepEqual(await ask({ accessKeyId: "x" }), [403, "InvalidAccessKeyId"]);
  assert.deepEqual(await ask({ region: "x" }), [400, "AuthorizationHeaderMalformed"]);
  const otherBody = { headers: { "x-amz-content-sha256": "0".repeat(64) } };
  assert.deepEqual(await ask({}, otherBody), [400, "XAmzContentSHA256Mismatch"]);
  assert.deepEqual(await ask({}, { headers: { "if-none-match": "*" } }), [
    412,
    "PreconditionFailed",
  ]);
  const anonymous = await fetch(url);
  await anonymous.body?.cancel();
  assert.equal(anonymous.status, 403);
});

peerTest({
  peer: CURL,
  name: "startFakeS3() accepts a request that curl has signed",
  async fn() {
    await using s3 = startFakeS3();
    const curl = async (secret: string) => {
      const { stdout } = await new Deno.Command("curl", {
        args: [
          ...[
            "-sS",
            "--aws-sigv4",
            `aws:amz:${s3.region}:s3`,
            "--user",
            `${s3.accessKey}:${secret}`,
          ],
          ...["-H", `x-amz-content-sha256: ${await sha256(text("by curl"))}`],
          ...["-X", "PUT", "--data-binary", "by curl", "-w", "%{http_code}"],
          `${s3.endpoint}/${s3.bucket}/from-curl`,
        ],
      }).output();
      return new TextDecoder().decode(stdout);
    };
    assert.equal(await curl(s3.secretKey), "200");
    assert.equal(new TextDecoder().decode(s3.objects.get("from-curl")?.bytes), "by curl");
    assert.match(await curl("wrong"), /SignatureDoesNotMatch.*403$/);
  },
});
