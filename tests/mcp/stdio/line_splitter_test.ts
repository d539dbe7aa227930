import assert from "node:assert/strict";
import { LineSplitter, type LongLine } from "../../../src/mcp/stdio/line_splitter.ts";
import { pure } from "../../support/pure.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (part: Uint8Array) => new TextDecoder().decode(part);
const show = (line: Uint8Array | LongLine) =>
  line instanceof Uint8Array ? text(line) : [text(line.head), text(line.tail)];

function split(maxBytes: number, chunks: readonly string[]): unknown[] {
  const lines: unknown[] = [];
  const splitter = new LineSplitter(maxBytes, (line) => lines.push(show(line)));
  for (const chunk of chunks) splitter.push(bytes(chunk));
  splitter.end();
  return lines;
}

pure("LineSplitter returns the same lines however they are cut into chunks", () => {
  const whole = "one\n\ntwo two\nthree";
  const expected = ["one", "", "two two", "three"];
  for (let size = 1; size <= whole.length; size++) {
    const count = Math.ceil(whole.length / size);
    const chunks = Array.from(
      { length: count },
      (_, at) => whole.slice(at * size, at * size + size),
    );
    assert.deepEqual(split(100, chunks), expected, String(size));
  }
});

pure("LineSplitter does not keep a chunk, which may be reused", () => {
  const lines: unknown[] = [];
  const splitter = new LineSplitter(100, (line) => lines.push(show(line)));
  const chunk = bytes("ab");
  splitter.push(chunk);
  chunk.set(bytes("\nx"));
  splitter.push(chunk);
  assert.deepEqual(lines, ["ab"]);
});

pure("LineSplitter keeps the ends of a line over the limit, and reads on", () => {
  assert.deepEqual(split(5, ["abc", "de", "\n"]), ["abcde"]);
  assert.deepEqual(split(5, ["abc", "de", "f\nok\n"]), [["abcdef", "abcdef".slice(3)], "ok"]);
  const [line, next] = split(10_000, [...Array(30).fill("x".repeat(1_000)), "end\n", "next\n"]);
  const [head, tail] = line as string[];
  assert.equal(head, "x".repeat(4_096));
  assert.equal(tail, `${"x".repeat(4_093)}end`);
  assert.equal(next, "next");
});
