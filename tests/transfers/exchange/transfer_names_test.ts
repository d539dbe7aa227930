import assert from "node:assert/strict";
import fc from "../../support/property.ts";
import { RemoteExecError } from "../../../src/errors.ts";
import {
  checkFilename,
  newTransferId,
  objectName,
  parseObjectName,
} from "../../../src/transfers/exchange/transfer_names.ts";
import { pure } from "../../support/pure.ts";

const isRefused = (error: unknown) => error instanceof RemoteExecError;

/** Names that a file can have on some host, including odd ones. */
const filename = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 })
  .filter((text) =>
    !/[/\p{Cc}]/u.test(text) && text !== "." && text !== ".." && text.isWellFormed()
  );

pure("newTransferId() returns client, UTC time, eight hex digits and the name", () => {
  const id = newTransferId("abc-123", "deploy.tar.gz", Date.parse("2026-01-08T14:30:22.9Z"));
  assert.match(id, /^abc-123_20260108_143022_[0-9a-f]{8}_deploy\.tar\.gz$/);
  assert.notEqual(
    id,
    newTransferId("abc-123", "deploy.tar.gz", Date.parse("2026-01-08T14:30:22Z")),
  );
});

pure("parseObjectName() returns the parts of every new id", () => {
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

pure("checkFilename() refuses everything but plain names", () => {
  for (const name of ["", ".", "..", "a/b", "a\0b", "a\nb", "ä".repeat(128)]) {
    assert.throws(() => checkFilename(name), isRefused, name);
  }
  assert.equal(checkFilename("v1..2 'x' [y].txt"), "v1..2 'x' [y].txt");
});
