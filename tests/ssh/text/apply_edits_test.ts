import assert from "node:assert/strict";
import fc from "../../support/property.ts";
import { RemoteExecError } from "../../../src/errors.ts";
import { applyEdits, type Edit } from "../../../src/ssh/text/apply_edits.ts";
import { pure } from "../../support/pure.ts";

const edit = (oldText: string, newText: string, replaceAll = false): Edit => ({
  oldText,
  newText,
  replaceAll,
});
const apply = (text: string, ...edits: Edit[]) => applyEdits(text, edits, "/f").text;

function failure(text: string, ...edits: Edit[]): [code: string, message: string] {
  try {
    apply(text, ...edits);
  } catch (error) {
    if (error instanceof RemoteExecError) return [error.code, error.message];
    throw error;
  }
  assert.fail("the edits were applied");
}

pure("applyEdits() applies each edit to the result of the one before", () => {
  assert.equal(apply("a b", edit("a", "b b2"), edit("b2", "c")), "b c b");
  assert.equal(apply("x", edit("x", "")), "");
  assert.equal(apply("aXbXc", edit("X", "YY", true)), "aYYbYYc");
  assert.equal(apply("aaa", edit("aa", "b", true)), "ba");
});

pure("applyEdits() counts overlapping occurrences, and names their lines", () => {
  assert.deepEqual(failure("aaa", edit("aa", "b")), [
    "not_unique",
    "old_text occurs 2 times in /f, in lines 1 and 1; nothing was changed",
  ]);
  assert.deepEqual(failure("x\ny\nx\nx\n", edit("x", "z")), [
    "not_unique",
    "old_text occurs 3 times in /f, in lines 1, 3 and 4; nothing was changed",
  ]);
  const many = "x\n".repeat(20);
  assert.match(
    failure(many, edit("x", "z"))[1],
    /occurs more than 10 times in \/f, in lines 1, 2, .*, 10 and further ones/,
  );
});

pure("applyEdits() names the edit that fails, and changes nothing", () => {
  assert.match(failure("a\n", edit("a", "b"), edit("zz", "c"))[1], /^old_text of edit 2 does not/);
  assert.deepEqual(failure("a", edit("a", "a"))[0], "invalid_argument");
});

pure("applyEdits() takes LF for CRLF in a CRLF file only", () => {
  assert.equal(apply("a\r\nb\r\n", edit("a\nb", "c\nd")), "c\r\nd\r\n");
  assert.equal(apply("a\r\nb\r\n", edit("a\r\nb", "c")), "c\r\n");
  assert.equal(failure("a\r\nb\nc", edit("a\nb", "c"))[0], "no_match");
  assert.equal(apply("a\r\nb\nc", edit("a\r\nb", "c")), "c\nc");
  assert.equal(apply("a\nb\n", edit("a", "c\r\n")), "c\r\n\nb\n");
  assert.equal(failure("a\r\n", edit("a\n", "a\r\n"))[0], "invalid_argument");
});

pure("applyEdits() reports the closest match with its line", () => {
  const text = "server {\n\tlisten 80;\n\troot /srv/www;\n}\n";
  assert.match(
    failure(text, edit("    listen 80;\n    root /srv/www;", "x"))[1],
    /closest match begins in line 2; line 2 is "\\tlisten 80;", not " {4}listen 80;": only white space differs$/,
  );
  assert.match(
    failure(text, edit("\troot /srv/wwww;", "x"))[1],
    /line 3 is "\\troot \/srv\/www;", not "\\troot \/srv\/wwww;"$/,
  );
  assert.match(failure(text, edit("nothing like this at all?", "x"))[1], /Nothing in the file is/);
  assert.match(failure("", edit("a", "x"))[1], /Nothing in the file is similar$/);
});

pure(
  "applyEdits() replaces millions of occurrences, and refuses a result that is too large",
  () => {
    const text = "a".repeat(4_000_000);
    assert.equal(apply(text, edit("a", "b", true)), "b".repeat(4_000_000));
    assert.equal(apply(text, edit("a", "", true)), "");
    const large = [edit("a", "x".repeat(1_000), true)];
    assert.throws(() => applyEdits(text, large, "/f", 50_000_000), {
      code: "too_large",
      message: /^File too large/,
    });
    const doubling = Array.from({ length: 40 }, () => edit("a", "aa", true));
    assert.throws(() => applyEdits("a", doubling, "/f", 1_000_000), { code: "too_large" });
  },
);

pure("applyEdits() finds the closest match among many equal lines", () => {
  const text = "same\n".repeat(300_000);
  const [code, message] = failure(text, edit(`${"same\n".repeat(100_000)}other`, "x"));
  assert.equal(code, "no_match");
  assert.match(message, /closest match begins in line 1/);
  assert.equal(failure("\n".repeat(3_000_000), edit("a", "x"))[0], "no_match");
});

/** The same by hand: characters instead of texts, and every position is tried. */
function model(
  original: string,
  edits: readonly Edit[],
): string | "no_match" | "not_unique" | "same" {
  const isCrlf = original.includes("\n") && !/(^|[^\r])\n/.test(original);
  let text = [...original];
  for (const { oldText, newText, replaceAll } of edits) {
    const convert = (part: string) => [...isCrlf ? part.replace(/\r?\n/g, "\r\n") : part];
    const [old, wanted] = [convert(oldText), convert(newText)];
    if (old.join("") === wanted.join("")) return "same";
    const at = (index: number) => old.every((each, offset) => text[index + offset] === each);
    const found = text.map((_, index) => index).filter(at);
    if (found.length === 0) return "no_match";
    if (found.length > 1 && !replaceAll) return "not_unique";
    const result: string[] = [];
    for (let index = 0; index < text.length;) {
      if (at(index)) {
        result.push(...wanted);
        index += old.length;
      } else result.push(text[index++] ?? "");
    }
    text = result;
  }
  return text.join("");
}

/** Few characters, so that texts often occur once, several times and overlapping. */
const piece = (minLength: number, maxLength: number) =>
  fc.array(fc.constantFrom("a", "b", "\n", "\r\n", "é", "😀", " "), { minLength, maxLength })
    .map((parts) => parts.join(""));
const someText = fc.oneof(
  piece(0, 30),
  piece(0, 20).map((text) => text.replace(/\r?\n/g, "\r\n")),
  piece(0, 20).map((text) => text.replace(/\r/g, "")),
);
const someEdits = fc.array(
  fc.record({ oldText: piece(1, 4), newText: piece(0, 4), replaceAll: fc.boolean() }),
  { minLength: 1, maxLength: 4 },
);

pure("applyEdits() does what a model does, in 10,000 cases", () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(someText, someEdits, (original, edits) => {
      const expected = model(original, edits);
      const codes = ["no_match", "not_unique", "same"];
      seen.set(codes.includes(expected) ? expected : "done", 1);
      let result: string;
      try {
        result = applyEdits(original, edits, "/f").text;
      } catch (error) {
        assert.ok(error instanceof RemoteExecError);
        result = error.code === "invalid_argument" ? "same" : error.code;
      }
      assert.equal(result, expected);
    }),
    { numRuns: 10_000 },
  );
  assert.equal(seen.size, 4);
});
