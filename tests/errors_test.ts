import assert from "node:assert/strict";
import { oneLine, printable, RemoteExecError } from "../src/errors.ts";
import { pure } from "./support/pure.ts";

pure("printable() escapes what ends a line, is not visible, or reorders text", () => {
  assert.equal(printable("a\nb\r\t\0\x1b[0m\x85"), "a\\nb\\r\\t\\x00\\x1b[0m\\x85");
  assert.equal(printable("\u202e\u2028\ufeff\ud800"), "\\u202e\\u2028\\ufeff\\ud800");
  assert.equal(printable("é 語 😀 👩‍👩‍👧 \\"), "é 語 😀 👩‍👩‍👧 \\");
});

pure("printable() and oneLine() return at most 500 characters", () => {
  for (const text of ["x".repeat(200_000), "\n".repeat(400), "😀".repeat(400)]) {
    assert.ok(printable(text).length <= 500);
    assert.doesNotMatch(printable(text), /\n/);
  }
  assert.equal(oneLine("  first\n\n second\r\n"), "first second");
  assert.ok(oneLine("a b\n".repeat(1_000)).length <= 500);
});

pure("a RemoteExecError keeps its message on one line", () => {
  const { message } = new RemoteExecError("io_error", "Cannot read a\n[SUCCESS] b", "Try again");
  assert.equal(message, "Cannot read a\\n[SUCCESS] b");
});

pure("printable() cuts no character in two", () => {
  for (let lines = 0; lines < 6; lines++) {
    for (let blanks = 0; blanks < 2; blanks++) {
      const start = "\n".repeat(lines) + " ".repeat(blanks);
      for (const count of [240, 247, 248, 249, 250, 260]) {
        const shown = printable(start + "😀".repeat(count));
        assert.ok(shown.length <= 500);
        assert.match(shown, /^(\\n)* ?(😀)+…?$/u);
      }
    }
  }
});
