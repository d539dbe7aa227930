import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "../../support/property.ts";
import { decodeText, encodeText, lineEndingOf } from "../../../src/ssh/text/encoding.ts";
import { pure } from "../../support/pure.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);
const FILES: readonly (readonly [encoding: string, text: string, file: Uint8Array])[] = [
  ["utf-8", "", bytes()],
  ["utf-8", "aé😀\n", Buffer.from("aé😀\n")],
  ["utf-8-bom", "a\n", Buffer.from("\ufeffa\n")],
  ["utf-16le", "aé😀\n", Buffer.from("\ufeffaé😀\n", "utf16le")],
  ["utf-16be", "aé😀\n", Buffer.from("\ufeffaé😀\n", "utf16le").swap16()],
  ["utf-16le", "abc\n", Buffer.from("abc\n", "utf16le")],
  ["utf-16be", "abc\n", Buffer.from("abc\n", "utf16le").swap16()],
  ["latin-1", "caf\xe9\n", bytes(0x63, 0x61, 0x66, 0xe9, 10)],
  ["latin-1", "\x80\x9f\xff", bytes(0x80, 0x9f, 0xff)],
];

for (const [encoding, text, file] of FILES) {
  pure(
    `decodeText() recognizes ${encoding} and encodeText() returns the same bytes: ${
      JSON.stringify(text)
    }`,
    () => {
      const decoded = decodeText(file);
      assert.deepEqual([decoded?.encoding, decoded?.text], [encoding, text]);
      assert.ok(decoded);
      assert.deepEqual([...encodeText(decoded) as Uint8Array], [...file]);
    },
  );
}

const BINARY: readonly Uint8Array[] = [
  bytes(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0),
  bytes(0x1f, 0x8b, 8, 0, 0, 0),
  bytes(1, 2, 3, 0xff, 0xfe, 5, 6),
  bytes(0),
  bytes(0x61, 0, 0, 0x62),
];

for (const file of BINARY) {
  pure(
    `decodeText() refuses ${Buffer.from(file).toString("hex")}`,
    () => assert.equal(decodeText(file), undefined),
  );
}

pure("decodeText() refuses, or loses nothing", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (file) => {
      const decoded = decodeText(file);
      if (decoded !== undefined) {
        assert.deepEqual([...encodeText(decoded) as Uint8Array], [...file]);
      }
    }),
    { numRuns: 5_000 },
  );
});

pure("encodeText() names the character that Latin-1 cannot hold", () => {
  const text = { text: "a€", encoding: "latin-1", hasBom: false } as const;
  assert.deepEqual(encodeText(text), { unencodable: "€" });
});

pure("lineEndingOf() tells LF, CRLF and mixed line ends apart", () => {
  assert.deepEqual(
    ["", "a", "a\n", "a\r\nb\r\n", "a\r\nb", "a\nb\r\n", "a\rb"].map(lineEndingOf),
    ["lf", "lf", "lf", "crlf", "crlf", "mixed", "lf"],
  );
});
