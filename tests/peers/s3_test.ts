import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { AwsClient } from "aws4fetch";
import { CURL, peerTest, SWIFT } from "./require.ts";
import { type S3Peer, startS3 } from "./s3.ts";

const MIB = 1024 * 1024;

const unescape = (xml: string) => xml.replaceAll("&quot;", '"');
const valueOf = (xml: string, tag: string) =>
  xml.match(new RegExp(`<${tag}>([^<]*)</${tag}>`))?.[1];

/** Sends a signed request. Returns status, headers and the body as text. */
async function ask(s3: S3Peer, url: string, init: RequestInit = {}) {
  const answer = await s3.client.fetch(url, init);
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

async function presign(s3: S3Peer, url: string, method: string, datetime?: string) {
  const aws = { signQuery: true, ...(datetime === undefined ? {} : { datetime }) };
  const query = "X-Amz-Expires=60";
  return (await s3.client.sign(`${url}?${query}`, { method, aws })).url;
}

async function completeMultipart(s3: S3Peer, url: string, parts: Uint8Array<ArrayBuffer>[]) {
  const started = await ask(s3, `${url}?uploads`, {
    method: "POST",
    headers: { "x-amz-meta-origin": "parts" },
  });
  const id = valueOf(started.text, "UploadId");
  assert.ok(id, started.text);
  const lines: string[] = [];
  for (const [index, body] of parts.entries()) {
    const number = index + 1;
    const part = await ask(s3, `${url}?partNumber=${number}&uploadId=${id}`, {
      method: "PUT",
      body,
    });
    assert.equal(part.status, 200, part.text);
    const etag = part.headers.get("etag");
    lines.push(`<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`);
  }
  const body = `<CompleteMultipartUpload>${lines.join("")}</CompleteMultipartUpload>`;
  return await ask(s3, `${url}?uploadId=${id}`, { method: "POST", body });
}

peerTest({
  peer: SWIFT,
  name: "startS3() stores, returns, lists and deletes an object with its metadata",
  async fn() {
    await using s3 = await startS3();
    const bucket = await s3.createBucket("exchange");
    const key = `${bucket}/transfers/a.txt`;
    const headers = { "x-amz-meta-origin": "test" };
    assert.equal((await ask(s3, key, { method: "PUT", body: "hello", headers })).status, 200);
    const got = await ask(s3, key);
    assert.deepEqual([got.status, got.text, got.headers.get("x-amz-meta-origin")], [
      200,
      "hello",
      "test",
    ]);
    const list = await ask(s3, `${bucket}?list-type=2&prefix=transfers/`);
    assert.equal(valueOf(list.text, "Key"), "transfers/a.txt");
    assert.equal(valueOf(list.text, "Size"), "5");
    assert.equal((await ask(s3, key, { method: "DELETE" })).status, 204);
    assert.equal((await ask(s3, key, { method: "HEAD" })).status, 404);
  },
});

peerTest({
  peer: SWIFT,
  name: "startS3() puts the parts of a multipart upload together",
  async fn() {
    await using s3 = await startS3();
    const key = `${await s3.createBucket("exchange")}/large`;
    const parts = [5 * MIB, 5 * MIB, 1234].map((size, n) => new Uint8Array(size).fill(n + 1));
    const done = await completeMultipart(s3, key, parts);
    assert.equal(done.status, 200, done.text);
    assert.match(unescape(valueOf(done.text, "ETag") ?? ""), /^"[0-9a-f]{32}-3"$/);
    const answer = await s3.client.fetch(key);
    assert.equal(answer.headers.get("x-amz-meta-origin"), "parts");
    assert.ok(Buffer.concat(parts).equals(new Uint8Array(await answer.arrayBuffer())));
  },
});

peerTest({
  peer: SWIFT,
  name: "startS3() refuses a wrong secret, a changed path, an expired URL and no signature",
  async fn() {
    await using s3 = await startS3();
    const key = `${await s3.createBucket("exchange")}/a`;
    await ask(s3, key, { method: "PUT", body: "x" });
    const thief = new AwsClient({
      accessKeyId: s3.accessKey,
      secretAccessKey: "wrong",
      region: s3.region,
      service: "s3",
      retries: 0,
    });
    const wrong = await thief.fetch(key);
    assert.deepEqual([wrong.status, valueOf(await wrong.text(), "Code")], [
      403,
      "SignatureDoesNotMatch",
    ]);
    const url = await presign(s3, key, "GET");
    const expired = await presign(s3, key, "GET", "20200101T000000Z");
    const statuses = [];
    for (const each of [url, url.replace("/a?", "/b?"), expired, key]) {
      const answer = await fetch(each);
      await answer.body?.cancel();
      statuses.push(answer.status);
    }
    // Swift answers 400 where R2 answers 401 or 403: without a signature it does not recognize an S3 request.
    assert.deepEqual(statuses, [200, 403, 403, 400]);
  },
});

peerTest({
  peer: SWIFT,
  name: "startS3() refuses a PUT without a length",
  async fn() {
    await using s3 = await startS3();
    const url = await presign(s3, `${await s3.createBucket("exchange")}/a`, "PUT");
    const answer = await fetch(url, { method: "PUT", body: new Blob(["x"]).stream() });
    assert.equal(answer.status, 411);
    assert.equal(valueOf(await answer.text(), "Code"), "MissingContentLength");
  },
});

peerTest({
  peer: [SWIFT, CURL],
  name: "startS3() accepts a file from curl -T through a presigned URL",
  async fn() {
    await using s3 = await startS3();
    const key = `${await s3.createBucket("exchange")}/from-curl`;
    const file = await Deno.makeTempFile();
    try {
      await Deno.writeTextFile(file, "by curl");
      const url = await presign(s3, key, "PUT");
      const args = ["-q", "-fsS", "--noproxy", "*", "-H", "Expect:", "-T", file, url];
      const { success, stderr } = await new Deno.Command("/usr/bin/curl", { args }).output();
      assert.equal(success, true, new TextDecoder().decode(stderr));
      assert.equal((await ask(s3, key)).text, "by curl");
    } finally {
      await Deno.remove(file);
    }
  },
});

peerTest({
  peer: SWIFT,
  name: "close() ends the server and can be called again",
  async fn() {
    const s3 = await startS3();
    await s3.close();
    await s3.close();
    const port = Number(new URL(s3.endpoint).port);
    await assert.rejects(
      () => Deno.connect({ hostname: "127.0.0.1", port }),
      Deno.errors.ConnectionRefused,
    );
  },
});
