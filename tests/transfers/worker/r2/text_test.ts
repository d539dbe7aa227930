import assert from "node:assert/strict";
import { AwsV4Signer } from "aws4fetch";
import fc from "fast-check";
import { RemoteExecError } from "../../../../src/errors.ts";
import {
  checkFilename,
  newTransferId,
  objectName,
  parseObjectName,
} from "../../../../src/transfers/exchange/names.ts";
import {
  downloadCommand,
  forPowerShell,
  uploadCommand,
} from "../../../../src/transfers/exchange/commands.ts";
import { metadataHeaders, readMetadata } from "../../../../src/transfers/exchange/metadata.ts";
import {
  nameOfKey,
  nameOfUrl,
  objectUrl,
  withSignatureOf,
} from "../../../../src/transfers/exchange/object_key.ts";
import { partBytesFor } from "../../../../src/transfers/worker/r2/upload.ts";
import { parseListing } from "../../../../src/transfers/worker/r2/listing.ts";
import { unescapeXml } from "../../../../src/transfers/worker/r2/s3_xml.ts";
import { pure } from "../../../support/pure.ts";

const PLACE = { endpoint: "https://account.r2.cloudflarestorage.com", bucket: "exchange" };
const MIB = 1024 * 1024;

const isRefused = (error: unknown) => error instanceof RemoteExecError;

/** Names that a file can have on some host, odd ones among them. */
const filename = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 })
  .filter((text) =>
    !/[/\p{Cc}]/u.test(text) && text !== "." && text !== ".." && text.isWellFormed()
  );

pure("newTransferId() has client, UTC time, eight digits and the name", () => {
  const id = newTransferId("abc-123", "deploy.tar.gz", Date.parse("2026-01-08T14:30:22.9Z"));
  assert.match(id, /^abc-123_20260108_143022_[0-9a-f]{8}_deploy\.tar\.gz$/);
  assert.notEqual(
    id,
    newTransferId("abc-123", "deploy.tar.gz", Date.parse("2026-01-08T14:30:22Z")),
  );
});

pure("parseObjectName() gives back the parts of every new id", () => {
  fc.assert(fc.property(filename, (name) => {
    const transferId = newTransferId("c.1_2-3", name, 1_700_000_000_000);
    assert.deepEqual(parseObjectName(objectName("c.1_2-3", transferId)), {
      sourceClient: "c.1_2-3",
      transferId,
      filename: name,
    });
  }));
});

pure("parseObjectName() reads an id of the original exchange", () => {
  const name = "abc-123-def/abc-123-def_20260108_143022_deploy.tar.gz";
  assert.equal(parseObjectName(name)?.filename, "deploy.tar.gz");
});

pure("objectName() refuses parts that could name another object", () => {
  for (
    const [client, id] of [
      ["a", "b_20260101_000000_x"],
      ["a/b", "a/b_x"],
      ["..", ".._x"],
      ["", "_x"],
      ["a", "a_x/../../y"],
      ["a", "a_x\n"],
      ["a", "a_\ud800"],
      ["a", `a_${"x".repeat(1100)}`],
      ["a".repeat(129), `${"a".repeat(129)}_x`],
    ] as const
  ) assert.throws(() => objectName(client, id), isRefused, `${client} ${id}`);
});

pure("checkFilename() refuses what is no plain name", () => {
  for (const name of ["", ".", "..", "a/b", "a\0b", "a\nb", "ä".repeat(128)]) {
    assert.throws(() => checkFilename(name), isRefused, name);
  }
  assert.equal(checkFilename("v1..2 'x' [y].txt"), "v1..2 'x' [y].txt");
});

pure("objectUrl() makes an address that names exactly this object", () => {
  fc.assert(fc.property(filename, (name) => {
    const object = objectName("server", newTransferId("server", name, 1_700_000_000_000));
    const url = objectUrl(PLACE, object);
    assert.equal(url.origin, PLACE.endpoint);
    assert.equal(nameOfUrl(PLACE, `${url.href}?X-Amz-Signature=0`), object);
    assert.equal(nameOfKey(decodeURIComponent(url.pathname).slice("/exchange/".length)), object);
  }));
});

pure("nameOfUrl() refuses every address that is not of our bucket and signed", () => {
  const path = "/exchange/transfers/a/a_20260101_000000_x";
  const good = `${PLACE.endpoint}${path}?X-Amz-Signature=1`;
  assert.equal(nameOfUrl(PLACE, good), "a/a_20260101_000000_x");
  for (
    const address of [
      "http://169.254.169.254/latest/meta-data/",
      "file:///etc/passwd",
      "not an address",
      good.replace("https:", "http:"),
      good.replace("https://", "https://user:pw@"),
      good.replace(".com", ".com.evil.example"),
      good.replace(".com", ".com:8443"),
      good.replace("https://account", "https://other"),
      good.replace("/exchange/", "/exchange2/"),
      good.replace("/transfers/", "/private/"),
      good.replace("/a/a_", "/../../secret/a_"),
      good.replace("/a/a_", "/%2e%2e/a_"),
      good.replace("/a/a_", "/a%2Fb/a_"),
      good.replace("/a/a_", "/a/b/a_"),
      good.replace("_x?", "_%00?"),
      good.replace("_x?", "_%zz?"),
      good.replace("X-Amz-Signature", "y"),
    ]
  ) assert.throws(() => nameOfUrl(PLACE, address), isRefused, address);
});

pure("withSignatureOf() refuses the signature of another object", () => {
  const url = `${PLACE.endpoint}/exchange/transfers/a/a_20260101_000000_x?X-Amz-Signature=1`;
  const own = withSignatureOf(PLACE, "a/a_20260101_000000_x", url);
  assert.equal(own.href, url);
  assert.throws(() => withSignatureOf(PLACE, "a/a_20260101_000000_y", url), isRefused);
});

pure("readMetadata() gives back every value that metadataHeaders() sent", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 60 }), (value) => {
    const sent = metadataHeaders({ filename: value });
    for (const header of Object.values(sent)) assert.match(header, /^[\x21-\x7e]*$/);
    assert.equal(readMetadata(new Headers(sent)).filename, value);
  }));
});

pure("readMetadata() reads names with - for _ and values that are not encoded", () => {
  const headers = new Headers({ "x-amz-meta-source-client": "a", "x-amz-meta-note": "50%" });
  assert.deepEqual(readMetadata(headers), { source_client: "a", note: "50%" });
});

pure("partBytesFor() lets 20 GB and 5 TiB fit into 10,000 parts", () => {
  for (const size of [1, 20e9, 200e9, 5 * 2 ** 40]) {
    const part = partBytesFor(size);
    assert.ok(Math.ceil(size / part) <= 10_000);
    assert.ok(part >= 5 * MIB && part <= 5 * 1024 * MIB && part % MIB === 0);
  }
  assert.equal(partBytesFor(20e9), 8 * MIB);
});

pure("parseListing() takes names as they are and leaves out what is not ours", () => {
  const entry = (key: string) =>
    `<Contents><Key>${key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>`;
  const listed = parseListing(
    `<ListBucketResult>${entry("transfers/a/a_20260101_000000_x &amp; &lt;y&gt; &#39;z&#x27;")}${
      entry("transfers/other")
    }${entry("a")}</ListBucketResult>`,
  );
  assert.deepEqual(listed, [
    { name: "a/a_20260101_000000_x & <y> 'z'", storedAtMs: Date.parse("2026-01-01") },
  ]);
});

pure("unescapeXml() replaces each entity once", () => {
  assert.equal(unescapeXml("&amp;lt; &unknown;"), "&lt; &unknown;");
});

pure("AwsV4Signer gives the signature of the vendor's example", async () => {
  // Source: Amazon S3 API reference, "Authenticating Requests: Using Query Parameters".
  const signer = new AwsV4Signer({
    url: "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Expires=86400",
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    service: "s3",
    region: "us-east-1",
    datetime: "20130524T000000Z",
    signQuery: true,
    allHeaders: true,
  });
  assert.equal(
    (await signer.sign()).url.searchParams.get("X-Amz-Signature"),
    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
  );
});

pure("uploadCommand() holds no quote but those around its words", () => {
  const command = uploadCommand({
    method: "PUT",
    url: "https://host/a?x=%27",
    headers: metadataHeaders({ filename: "it's $(id) `x`" }),
    fields: [],
    expiresAtMs: 0,
    writeOnce: false,
  });
  assert.match(command, /-T '<YOUR_FILE_PATH>'/);
  assert.match(command, /-H 'Expect:'/);
  assert.doesNotMatch(command, /[`"$]|'\\''/);
  assert.match(forPowerShell(command), /^curl\.exe -fsgS /);
});

pure("downloadCommand() goes on after a cut", () => {
  assert.equal(
    downloadCommand("https://host/a?b"),
    "curl -fgSL --retry 5 -C - -o '<YOUR_FILE_PATH>' 'https://host/a?b'",
  );
});
