import assert from "node:assert/strict";
import { parseEnv } from "node:util";
import { remarksOnLines } from "../../src/cli/env_lines.ts";

const messages = (text: string) => remarksOnLines(text, "/f").map(({ message }) => message);

Deno.test("remarksOnLines() says nothing of a file that is read as it looks", () => {
  const text = [
    "\uFEFF# comment",
    "",
    "   # another",
    "HOST=h",
    " export SSH_USERNAME = deploy # why",
    "EMPTY=",
    'SSH_PASSWORD="a # b" # c',
    "SSH_KEY_PASSPHRASE='two",
    "lines, without an assignment'",
    "R2_SECRET_KEY=a\"b'c",
    "SUDO_PASSWORD=`x`",
  ];
  for (const end of ["\n", "\r\n"]) assert.deepEqual(messages(text.join(end)), []);
});

Deno.test("remarksOnLines() names lines that are no assignment, and marks that nothing closes", () => {
  const text =
    'SSH_PORT 22\nLOG_LEVEL: debug\n# x\nHOST=h\nnonsense\nSSH_PASSWORD="abc\nTIMEOUT=5\n';
  assert.deepEqual(messages(text), [
    ...[1, 2, 5].map((line) => `line ${line} of /f is not NAME=VALUE, so nothing is read from it`),
    "line 6 of /f is a value with a quotation mark that is not closed",
  ]);
  // So does the parser.
  assert.deepEqual(
    { ...parseEnv(text) },
    { HOST: "h", SSH_PASSWORD: '"abc', TIMEOUT: "5" },
  );
});

Deno.test("remarksOnLines() shows no text of a line, and at most five lines", () => {
  const shown = messages("secret\n".repeat(9));
  assert.equal(shown.length, 5);
  assert.match(shown[4] ?? "", /^line 5 of \/f is not NAME=VALUE.*, and 4 more lines like it$/);
  assert.doesNotMatch(shown.join(), /secret/);
});
