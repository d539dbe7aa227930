import assert from "node:assert/strict";
import { parseListing } from "../../../../src/transfers/worker/r2/listing.ts";
import { pure } from "../../../support/pure.ts";

pure("parseListing() decodes names and leaves out foreign objects", () => {
  const entry = (key: string) =>
    `<Contents><Key>${key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>`;
  const listed = parseListing(
    `<ListBucketResult>${entry("transfers/a/a_20260101_000000_x &amp; &lt;y&gt; &#39;z&#x27;")}${
      entry("transfers/a/.sha256/a_20260101_000000_x") +
      entry("transfers/a/.sha256/b") + entry("transfers/.sha256/a/a_20260101_000000_x") +
      entry("transfers/other")
    }${entry("a")}</ListBucketResult>`,
  );
  assert.deepEqual(listed, [
    {
      name: "a/a_20260101_000000_x & <y> 'z'",
      storedAtMs: Date.parse("2026-01-01"),
      isHash: false,
    },
    { name: "a/a_20260101_000000_x", storedAtMs: Date.parse("2026-01-01"), isHash: true },
  ]);
});
