import { equal, notEqual } from "node:assert/strict";
import ImageKit from "@imagekit/nodejs";
import fc from "fast-check";
import { seal, signedUrl, uploadSignature } from "../../../src/transfers/imagekit/keys.ts";

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
