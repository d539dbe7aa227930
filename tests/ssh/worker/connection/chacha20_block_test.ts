// @isolate: it compares with the native cipher, which chacha20_patch.ts replaces.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import { chacha20Block } from "../../../../src/ssh/worker/connection/chacha20_block.ts";
import { pure } from "../../../support/pure.ts";

pure("chacha20Block() encrypts like a native cipher, at every length and counter", () => {
  for (let length = 0; length <= 64; length++) {
    for (const counter of [0, 1, 255, 0x7fffffff, 0xffffffff]) {
      const [key, data] = [crypto.randomBytes(32), crypto.randomBytes(length)];
      const iv = crypto.randomBytes(16);
      iv.writeUInt32LE(counter, 0);
      const native = crypto.createCipheriv("chacha20", key, iv);
      const expected = native.update(data);
      native.final();
      assert.deepEqual(chacha20Block(key, iv, data), expected, `${length} bytes, ${counter}`);
    }
  }
});
