import assert from "node:assert/strict";
import fc from "../../support/property.ts";
import { pageOf } from "../../../src/ssh/jobs/page.ts";
import { pure } from "../../support/pure.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const page = (text: string, range: Partial<Parameters<typeof pageOf>[1]> = {}) => {
  const { bytes, next } = pageOf(encode(text), { from: 0, maxBytes: 1_000, ...range });
  return [decode(bytes), next];
};

pure("pageOf() returns the bytes from an offset and the next offset", () => {
  assert.deepEqual(page("0123456789", { from: 2, maxBytes: 3 }), ["234", 5]);
  assert.deepEqual(page("0123456789", { from: 8, maxBytes: 3 }), ["89", 10]);
  assert.deepEqual(page("0123456789", { from: 10 }), ["", 10]);
  assert.deepEqual(page("0123456789", { from: 99 }), ["", 99]);
});

pure("pageOf() returns every byte once when each call goes on at next", () => {
  const sizes = fc.integer({ min: 1, max: 50 });
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), sizes, (output, maxBytes) => {
    const all: number[] = [];
    for (let from = 0; from < output.length;) {
      const { bytes, next } = pageOf(output, { from, maxBytes });
      assert.ok(next > from);
      all.push(...bytes);
      from = next;
    }
    assert.deepEqual(all, [...output]);
  }));
});

pure("pageOf() returns the last lines, and reading goes on at the end", () => {
  assert.deepEqual(page("a\nb\nc\n", { tailLines: 2 }), ["b\nc\n", 6]);
  assert.deepEqual(page("a\nb\nc", { tailLines: 1 }), ["c", 5]);
  assert.deepEqual(page("a\nb\nc", { tailLines: 9 }), ["a\nb\nc", 5]);
  assert.deepEqual(page("\nabc", { tailLines: 1 }), ["abc", 4]);
  assert.deepEqual(page("", { tailLines: 1 }), ["", 0]);
  assert.deepEqual(page("a\nb\nc\n", { tailLines: 3, from: 2 }), ["b\nc\n", 6]);
  assert.deepEqual(page("aaaa\nbbbb\n", { tailLines: 2, maxBytes: 6 }), [
    "\nbbbb\n".slice(0, 6),
    10,
  ]);
});

pure("pageOf() does not begin the last lines inside a character", () => {
  const text = "a\u{1f600}b\n";
  assert.deepEqual(page(text, { tailLines: 1, maxBytes: 5 }), ["b\n", 7]);
  assert.deepEqual(page(text, { tailLines: 1, maxBytes: 6 }), ["\u{1f600}b\n", 7]);
  assert.deepEqual(page(text, { tailLines: 1, maxBytes: 5, grep: "b" }), ["b\n", 7]);
});

pure("pageOf() returns the lines that match a pattern", () => {
  const text = "ok 1\nbad 2\nok 3\nbad 4\nok 5";
  assert.deepEqual(page(text, { grep: "bad" }), ["bad 2\nbad 4\n", 26]);
  assert.deepEqual(page(text, { grep: "ok", tailLines: 2 }), ["ok 3\nok 5", 26]);
  assert.deepEqual(page(text, { grep: "none" }), ["", 26]);
  assert.deepEqual(page(text, { grep: "ok", from: 5 }), ["ok 3\nok 5", 26]);
});

pure(
  "pageOf() returns only complete lines of the last matches, or the end of one that is too long",
  () => {
    const last = { grep: "bad", tailLines: 3 };
    assert.deepEqual(page("bad 1\nbad 2\nbad 3\n", { ...last, maxBytes: 14 }), [
      "bad 2\nbad 3\n",
      18,
    ]);
    assert.deepEqual(page("bad 1\nbad 2\nbad 3\n", { ...last, maxBytes: 12 }), [
      "bad 2\nbad 3\n",
      18,
    ]);
    assert.deepEqual(page("bad 12345\n", { ...last, maxBytes: 4 }), ["345\n", 10]);
  },
);

pure("pageOf() goes on behind the last match that it returned when matches do not fit", () => {
  const text = "bad 1\nbad 2\nbad 3\n";
  assert.deepEqual(page(text, { grep: "bad", maxBytes: 12 }), ["bad 1\nbad 2\n", 12]);
  assert.deepEqual(page(text, { grep: "bad", maxBytes: 12, from: 12 }), ["bad 3\n", 18]);
  assert.deepEqual(page(text, { grep: "bad", maxBytes: 3 }), ["bad", 6]);
  const many = "x\n".repeat(1_500);
  assert.deepEqual(page(many, { grep: "x", maxBytes: 9_999 }), ["x\n".repeat(1_000), 2_000]);
});
