import assert from "node:assert/strict";
import fc from "../../support/property.ts";
import { RemoteExecError } from "../../../src/errors.ts";
import { newTransferId, objectName } from "../../../src/transfers/exchange/transfer_names.ts";
import {
  nameOfKey,
  nameOfUrl,
  objectUrl,
  withSignatureOf,
} from "../../../src/transfers/exchange/object_url.ts";
import { pure } from "../../support/pure.ts";

const PLACE = { endpoint: "https://account.r2.cloudflarestorage.com", bucket: "exchange" };

const isRefused = (error: unknown) => error instanceof RemoteExecError;

/** Names that a file can have on some host, including odd ones. */
const filename = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 })
  .filter((text) =>
    !/[/\p{Cc}]/u.test(text) && text !== "." && text !== ".." && text.isWellFormed()
  );

pure("objectUrl() returns a URL that names exactly this object", () => {
  fc.assert(fc.property(filename, (name) => {
    const object = objectName("server", newTransferId("server", name, 1_700_000_000_000));
    const url = objectUrl(PLACE, object);
    assert.equal(url.origin, PLACE.endpoint);
    assert.equal(nameOfUrl(PLACE, `${url.href}?X-Amz-Signature=0`), object);
    assert.equal(nameOfKey(decodeURIComponent(url.pathname).slice("/exchange/".length)), object);
  }));
});

pure("nameOfUrl() refuses every URL that is not signed or not of our bucket", () => {
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
