import { deepEqual, equal } from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "../../support/property.ts";
import {
  formatTransferId,
  parseTransferId,
  type TransferState,
} from "../../../src/transfers/imagekit/open_transfers.ts";
import { pure } from "../../support/pure.ts";
import { anyCharacter } from "../../support/code_points.ts";

const KEY = "private_key";
const STATE: TransferState = {
  operation: "upload",
  host: "server.example",
  path: "/data/ünï 名 \"quoted\" 'file'.txt",
  ctid: 101,
  name: "mcp-upload-1790000000-00",
  issuedAtMs: 1_789_990_000_000,
  expiresAt: 1_790_000_000,
  permissions: 640,
  overwrite: true,
};

pure("parseTransferId() returns any state that formatTransferId() wrote", () => {
  const state = fc.record({
    operation: fc.constant("download" as const),
    host: fc.string(),
    path: fc.string({ unit: anyCharacter }),
    name: fc.string(),
    issuedAtMs: fc.nat(),
    expiresAt: fc.nat(),
    fileId: fc.string(),
    bytes: fc.nat(),
  });
  fc.assert(fc.property(state, fc.string(), (each, key) => {
    deepEqual(parseTransferId(key, formatTransferId(key, each)), each);
  }));
  deepEqual(parseTransferId(KEY, formatTransferId(KEY, STATE)), STATE);
});

pure("parseTransferId() refuses an id with any single character altered, removed or added", () => {
  const id = formatTransferId(KEY, STATE);
  for (const index of id.split("").keys()) {
    const before = id.slice(0, index);
    const after = id.slice(index + 1);
    for (const other of ["A", "B", "-", "_", ".", "=", ""]) {
      if (other === id[index]) continue;
      equal(parseTransferId(KEY, before + other + after), undefined, `${index} ${other}`);
    }
  }
  for (const longer of [`${id}A`, `A${id}`, `${id}=`, ` ${id}`, `${id}.`]) {
    equal(parseTransferId(KEY, longer), undefined, longer);
  }
});

pure("parseTransferId() refuses ids of other keys, and texts that are not ids", () => {
  equal(parseTransferId("another", formatTransferId(KEY, STATE)), undefined);
  for (const text of ["", ".", "..", "abc-123-def-456", "e30.", "%00", "null"]) {
    equal(parseTransferId(KEY, text), undefined, text);
  }
});

pure("parseTransferId() refuses a sealed state of another form", () => {
  const odd: unknown = { ...STATE, operation: "elsewhere" };
  equal(parseTransferId(KEY, formatTransferId(KEY, odd as TransferState)), undefined);
});

pure("formatTransferId() does not reveal the private key", () => {
  const id = formatTransferId("private_0123456789", STATE);
  equal(id.includes("private_0123456789"), false);
  equal(Buffer.from(id, "base64url").toString().includes("private_0123456789"), false);
});
