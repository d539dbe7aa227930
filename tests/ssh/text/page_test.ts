import assert from "node:assert/strict";
import fc from "../../support/property.ts";
import { countLines, firstLines, lastLines, lineStart } from "../../../src/ssh/text/page.ts";
import { pure } from "../../support/pure.ts";

const someText = fc.array(fc.constantFrom("a", "bb", "\n", "\r\n", "é", "😀"), { maxLength: 40 })
  .map((parts) => parts.join(""));
const someLimits = fc.record({
  lines: fc.integer({ min: 1, max: 6 }),
  maxCharacters: fc.integer({ min: 1, max: 12 }),
});
const length = (text: string): number => Array.from(text).length;

pure("pages from firstLines() are within the limits, and together the complete text", () => {
  fc.assert(
    fc.property(someText, someLimits, (text, limits) => {
      let [rest, read] = [text, ""];
      while (rest !== "") {
        const page = firstLines(rest, limits);
        assert.ok(page.lines >= 1 && page.lines <= limits.lines);
        assert.ok(length(page.text) <= limits.maxCharacters && page.text.isWellFormed());
        assert.equal(page.hasCutLine, page.isCut && !isWhole(page.text, rest));
        if (page.hasCutLine) {
          // The rest of a line that is too long is left out.
          const next = rest.indexOf("\n") + 1;
          assert.ok(rest.startsWith(page.text));
          read += rest.slice(0, next === 0 ? rest.length : next);
          rest = next === 0 ? "" : rest.slice(next);
        } else {
          read += page.text;
          rest = rest.slice(page.text.length);
        }
      }
      assert.equal(read, text);
    }),
    { numRuns: 2_000 },
  );
});

/** Complete lines from the start of a text. */
const isWhole = (part: string, text: string): boolean =>
  text.startsWith(part) && (part.endsWith("\n") || part.length === text.length);

pure("lastLines() returns the end of a text within the limits", () => {
  fc.assert(
    fc.property(someText, someLimits, (text, limits) => {
      const page = lastLines(text, limits);
      assert.ok(text.endsWith(page.text) && length(page.text) <= limits.maxCharacters);
      assert.ok(page.lines <= limits.lines && countLines(page.text) <= Math.max(1, page.lines));
      if (!page.isCut) {
        assert.equal(page.lines, Math.min(limits.lines, countLines(text)));
        const before = text.slice(0, text.length - page.text.length);
        assert.ok(before === "" || before.endsWith("\n"));
      }
    }),
    { numRuns: 2_000 },
  );
});

pure("lineStart() finds lines by number", () => {
  assert.deepEqual([1, 2, 3].map((line) => lineStart("a\nbc\n", line)), [0, 2, undefined]);
  assert.deepEqual([1, 2].map((line) => lineStart("", line)), [0, undefined]);
  assert.equal(lineStart("a\nb", 2), 2);
});
