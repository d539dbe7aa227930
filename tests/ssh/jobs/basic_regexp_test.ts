import assert from "node:assert/strict";
import fc from "../../support/property.ts";
import { basicRegExp } from "../../../src/ssh/jobs/basic_regexp.ts";
import { RemoteExecError } from "../../../src/errors.ts";
import { pure } from "../../support/pure.ts";

/** Pattern, lines that match, lines that do not. */
const CASES: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["error", ["an error here", "error"], ["eror", ""]],
  ["^error", ["error 1"], ["an error"]],
  ["done$", ["all done"], ["done."]],
  ["^$", [""], [" "]],
  ["a.c", ["abc", "aäc", "a💾c"], ["ac", "abbc"]],
  ["ab*c", ["ac", "abbbc"], ["adc"]],
  ["*a", ["*a"], ["a"]],
  ["^*a", ["*a"], ["b*a"]],
  ["a+b?", ["a+b?"], ["ab", "aab"]],
  ["a\\+b\\?c", ["aabc", "ac"], ["bc"]],
  ["x{2}", ["x{2}"], ["xx"]],
  ["x\\{2\\}y", ["axxy", "xxxy"], ["axy"]],
  ["^x\\{2,3\\}$", ["xx", "xxx"], ["x", "xxxx"]],
  ["^x\\{,2\\}y", ["y", "xxy"], ["xxxy"]],
  ["^x\\{2,\\}$", ["xx", "xxxxx"], ["x"]],
  ["\\(ab\\)*c$", ["c", "ababc"], ["cab"]],
  ["\\(warn\\|err\\)or", ["error", "warnor"], ["or"]],
  ["(a|b)", ["(a|b)"], ["a"]],
  ["[abc]d", ["bd"], ["d", "ed"]],
  ["[^abc]d", ["ed"], ["ad", "d"]],
  ["[]x]", ["]", "x"], ["y"]],
  ["[a-c-]", ["b", "-"], ["d"]],
  ["[[:digit:]]\\{3\\}", ["a123"], ["12"]],
  ["[[:alpha:]_]x", ["_x", "äx"], ["1x"]],
  ["\\.txt", ["a.txt"], ["atxt"]],
  ["a\\*", ["a*"], ["aa"]],
  ["\\w\\+\\s\\S", ["ab c"], ["ab "]],
  ["a$b", ["a$b"], ["a"]],
  ["\\(^a\\)b", ["ab"], ["xab"]],
];

pure("basicRegExp() reads a POSIX basic regular expression", () => {
  for (const [pattern, matching, others] of CASES) {
    const isMatch = basicRegExp(pattern);
    for (const line of matching) assert.equal(isMatch(line), true, `${pattern} on "${line}"`);
    for (const line of others) assert.equal(isMatch(line), false, `${pattern} on "${line}"`);
  }
});

pure("basicRegExp() refuses what is not a pattern, and back references", () => {
  for (
    const pattern of ["\\(a", "a\\)", "[a", "a\\", "a\\{2", "a\\{x\\}", "\\(a\\)\\1", "[[:no:]]"]
  ) {
    assert.throws(
      () => basicRegExp(pattern),
      (error) => error instanceof RemoteExecError && error.code === "invalid_argument",
      pattern,
    );
  }
  assert.throws(() => basicRegExp("\\(\\(a\\{255\\}\\)\\{255\\}\\)*"), /too complex/);
  const nothing = "\\(".repeat(4) + "\\)\\{255\\}".repeat(4);
  assert.throws(() => basicRegExp(nothing), /too complex/);
});

pure("basicRegExp() is fast for a pattern that makes backtracking matchers hang", () => {
  const isMatch = basicRegExp("^\\(\\(a*\\)*\\)*b$");
  assert.equal(isMatch("a".repeat(20_000)), false);
  assert.equal(isMatch(`${"a".repeat(20_000)}b`), true);
});

pure("basicRegExp() stops when all its lines together take too long", () => {
  const isMatch = basicRegExp("ab", 10_000);
  assert.equal(isMatch("a".repeat(4_000)), false);
  assert.throws(
    () => isMatch("a".repeat(4_000)),
    (error) => error instanceof RemoteExecError && error.code === "limit_reached",
  );
  const isMatchOfMany = basicRegExp("\\(a*b*c*d*\\)\\{40\\}x", 100_000);
  assert.throws(() => isMatchOfMany("abcd".repeat(200)), /takes too long/);
});

const atoms = fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "\\(a\\|b\\)", "\\(ab\\)");
const repeats = fc.constantFrom("", "*", "\\+", "\\?", "\\{2\\}", "\\{1,2\\}");
const patterns = fc.array(fc.tuple(atoms, repeats), { minLength: 1, maxLength: 5 }).chain((parts) =>
  fc.constantFrom("", "^").chain((start) =>
    fc.constantFrom("", "$").map((end) => `${start}${parts.flat().join("")}${end}`)
  )
);

/** The same pattern for JavaScript. */
const modern = (pattern: string): RegExp =>
  new RegExp(pattern.replace(/\\([(){}|+?])/g, "$1"), "u");

pure("basicRegExp() agrees with JavaScript's matcher", () => {
  const lines = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 8 });
  fc.assert(fc.property(patterns, fc.array(lines), (pattern, texts) => {
    const isMatch = basicRegExp(pattern);
    for (const text of texts) assert.equal(isMatch(text), modern(pattern).test(text), text);
  }));
});
