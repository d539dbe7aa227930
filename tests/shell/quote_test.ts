import assert from "node:assert/strict";
import fc from "../support/property.ts";
import { asciiText, shellQuote } from "../../src/shell/quote.ts";
import { pure } from "../support/pure.ts";

pure("shellQuote() puts every word in single quotes", () => {
  assert.equal(shellQuote("a b"), "'a b'");
  assert.equal(shellQuote("it's"), `'it'\\''s'`);
  assert.equal(shellQuote(""), "''");
});

pure("shellQuote() refuses NUL", () => {
  assert.throws(() => shellQuote("a\0b"), RangeError);
});

const words = fc.array(
  fc.string({ unit: fc.constantFrom(..."ab '\"$`\\\n\t!*?~#&|;<>(){}[]-=%ä€😀") }),
  { maxLength: 6 },
);

Deno.test("shellQuote() passes every word through a real shell unchanged", async () => {
  // The words contain no NUL, so NUL can separate them.
  const judge = async (given: readonly string[]) => {
    const { stdout } = await new Deno.Command("/bin/sh", {
      args: [
        "-c",
        `for word in ${given.map(shellQuote).join(" ")}; do printf '%s\\0' "$word"; done`,
      ],
    }).output();
    return new TextDecoder().decode(stdout).split("\0").slice(0, -1);
  };
  await fc.assert(
    fc.asyncProperty(words, async (given) => assert.deepEqual(await judge(given), given)),
    { numRuns: 60 },
  );
});

Deno.test("asciiText() passes any text through a real shell's printf unchanged", async () => {
  const judge = async (text: string) => {
    const script = `printf "%bx" '${asciiText(text)}'`;
    const { stdout } = await new Deno.Command("/bin/sh", { args: ["-c", script] }).output();
    return new TextDecoder().decode(stdout).slice(0, -1);
  };
  const text = fc.string({ unit: fc.constantFrom(..."ab01\\n%'!\n\té€😀") });
  await fc.assert(
    fc.asyncProperty(text, async (given) => {
      assert.match(asciiText(given), /^[ "-&(-~]*$/);
      assert.equal(await judge(given), given);
    }),
    { numRuns: 60 },
  );
});
