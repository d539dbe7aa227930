import ImageKit from "@imagekit/nodejs";
import fc from "../../support/property.ts";
import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import {
  makeObjectName,
  objectPath,
  parseObjectName,
  seal,
  signedUrl,
  uploadSignature,
} from "../../../src/transfers/imagekit/signed_names.ts";
import { pure } from "../../support/pure.ts";

const KEY = "private_key";

pure("makeObjectName() uses only characters that the service keeps", () => {
  match(makeObjectName(KEY, "upload", 1_790_000_000), /^mcp-upload-1790000000-[0-9a-f]{48}$/);
});

pure("makeObjectName() never returns the same name twice", () => {
  notEqual(makeObjectName(KEY, "download", 1), makeObjectName(KEY, "download", 1));
});

pure("parseObjectName() returns direction and expiry", () => {
  deepEqual(parseObjectName(KEY, makeObjectName(KEY, "download", 1_790_000_000)), {
    direction: "download",
    expiresAt: 1_790_000_000,
  });
});

pure("parseObjectName() refuses a name whose expiry was changed", () => {
  const name = makeObjectName(KEY, "upload", 1_790_000_000);
  equal(parseObjectName(KEY, name.replace("1790000000", "1690000000")), undefined);
});

pure("parseObjectName() refuses names of other accounts and other programs", () => {
  equal(parseObjectName(KEY, makeObjectName("another key", "upload", 1_790_000_000)), undefined);
  equal(parseObjectName(KEY, "mcp-upload-1790000000-3f2504e0"), undefined);
  equal(parseObjectName(KEY, `x${makeObjectName(KEY, "upload", 1_790_000_000)}`), undefined);
  equal(parseObjectName(KEY, "holiday.jpg"), undefined);
});

pure("objectPath() does not double the slash of the root folder", () => {
  equal(objectPath("/", "name"), "/name");
  equal(objectPath("/a/b", "name"), "/a/b/name");
});

/** The vendor's own code is the judge of every signature. */
const judge = (privateKey: string) => new ImageKit({ privateKey });

Deno.test("uploadSignature() agrees with the published example", () => {
  equal(
    uploadSignature("private_x", "tok", 1_700_000_000),
    "85c690d7d085c9b82089181d16cf13bd068768df",
  );
});

Deno.test("uploadSignature() agrees with the vendor's SDK for any token and time", () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }),
      fc.uuid(),
      fc.integer({ min: 1, max: 4e9 }),
      (key, token, expiresAt) => {
        const { signature } = judge(key).helper.getAuthenticationParameters(token, expiresAt);
        equal(uploadSignature(key, token, expiresAt), signature);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("signedUrl() agrees with the vendor's SDK for any path and query", () => {
  const word = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
  fc.assert(
    fc.property(word, fc.array(word, { minLength: 1 }), word, (key, path, value) => {
      const urlEndpoint = "https://ik.imagekit.io/account";
      const src = judge(key).helper.buildSrc({
        urlEndpoint,
        src: `/${path.join("/")}`,
        queryParameters: { tr: "orig-true", updatedAt: value },
        signed: true,
        expiresIn: 600,
      });
      const expiresAt = Number(new URL(src).searchParams.get("ik-t"));
      const rest = `${path.join("/")}?tr=orig-true&updatedAt=${value}`;
      equal(signedUrl(key, urlEndpoint, rest, expiresAt), src);
    }),
    { numRuns: 50 },
  );
});

Deno.test("seal() differs by key, purpose and text", () => {
  const hex = (...args: Parameters<typeof seal>) => seal(...args).join();
  const seen = hex("key", "transfer_id", "text");
  notEqual(hex("kez", "transfer_id", "text"), seen);
  notEqual(hex("key", "object name", "text"), seen);
  notEqual(hex("key", "transfer_id", "texu"), seen);
});
