import assert from "node:assert/strict";
import { LineWriter } from "../../../src/mcp/stdio/line_writer.ts";
import { pure } from "../../support/pure.ts";

const nothing = { onProgress() {}, onBroken: () => assert.fail("not broken") };

pure("LineWriter writes lines in order, however little the output accepts", async () => {
  let written = "";
  const over = Promise.withResolvers<void>();
  const output = {
    write(bytes: Uint8Array) {
      written += new TextDecoder().decode(bytes.subarray(0, 2));
      if (written.endsWith("last\n")) over.resolve();
      return Promise.resolve(Math.min(2, bytes.length));
    },
  };
  const writer = new LineWriter(output, nothing);
  for (const line of ["one", "", "the last"]) writer.write(line);
  assert.equal(writer.pendingBytes, 14);
  await over.promise;
  assert.equal(written, "one\n\nthe last\n");
});

pure("LineWriter reports what the reader has taken", async () => {
  const pending: number[] = [];
  const over = Promise.withResolvers<void>();
  const writer: LineWriter = new LineWriter(
    { write: (bytes) => Promise.resolve(bytes.length) },
    {
      ...nothing,
      onProgress() {
        pending.push(writer.pendingBytes);
        if (pending.length === 2) over.resolve();
      },
    },
  );
  for (const line of ["ab", "c"]) writer.write(line);
  await over.promise;
  assert.deepEqual(pending, [2, 0]);
});

pure("LineWriter reports a reader that is gone, once, and drops later lines", async () => {
  const errors: unknown[] = [];
  const broken = Promise.withResolvers<void>();
  const writer = new LineWriter({ write: () => Promise.reject(new TypeError("gone")) }, {
    ...nothing,
    onBroken(error) {
      errors.push(error);
      broken.resolve();
    },
  });
  for (const line of ["a", "b"]) writer.write(line);
  await broken.promise;
  writer.write("c");
  assert.equal(writer.isBroken, true);
  assert.equal(writer.pendingBytes, 0);
  assert.equal(errors.length, 1);
});
