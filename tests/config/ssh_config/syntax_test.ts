import assert from "node:assert/strict";
import { matchesHost, matchesPattern } from "../../../src/config/ssh_config/patterns.ts";
import { parseLine, splitWords } from "../../../src/config/ssh_config/syntax.ts";
import { pure } from "../../support/pure.ts";

pure("parseLine() separates keyword and value by blanks or one equals sign", () => {
  for (const text of ["Port 22", "  port=22", "PORT = 22", "\tPort\t22  \r\n", '"Port" 22']) {
    assert.deepEqual(parseLine(text), { keyword: "port", rest: "22", words: ["22"] }, text);
  }
  for (const text of ["", "  ", "# Port 22", "  #"]) assert.equal(parseLine(text), undefined, text);
  assert.equal(parseLine("Port"), "the value of port is missing");
  assert.equal(parseLine('User "a'), "a quotation mark is not closed");
});

pure("splitWords() reads quotes, escapes and comments like OpenSSH", () => {
  assert.deepEqual(splitWords(`a "b c" 'd e' f\\ g # h`), ["a", "b c", "d e", "f g"]);
  assert.deepEqual(splitWords(`"a\\"b" 'it\\'s' x"y"z \\n a#b`), [
    'a"b',
    "it's",
    "xyz",
    "\\n",
    "a#b",
  ]);
  assert.deepEqual(splitWords(`""`), [""]);
  assert.equal(splitWords("'a"), undefined);
});

pure("patterns match with wildcards, in any case, and an exclusion wins", () => {
  assert.ok(matchesPattern("web1", "w*b?") && !matchesPattern("web1", "web"));
  assert.ok(!matchesPattern(`${"a".repeat(5_000)}b`, "*a".repeat(200)));
  assert.ok(matchesHost("WEB1", "db*,web*") && !matchesHost("web1", "web*,!web1"));
  assert.ok(!matchesHost("web1", "!db1"));
});
