import assert from "node:assert/strict";
import fc from "../support/property.ts";
import { loginLine, loginScript, loginWord, wordsOfLine } from "../../src/shell/login_line.ts";
import { LOGIN_SHELLS, type LoginShell, nastyName, runLogin } from "../support/login_shells.ts";
import { peerTest } from "../peers/require.ts";
import { pure } from "../support/pure.ts";

const PRINT = `printf "%s\\000" "$@"`;

pure("loginLine() quotes plain words as they are and encodes all others", () => {
  assert.match(loginLine("id", "a b", "-n"), / sh 'a b' '-n'$/);
  assert.equal(loginWord("it's"), "'%bit\\0047s'");
  assert.equal(loginWord("%b"), "'%b%b'");
  assert.equal(loginWord(""), "''");
  assert.equal(loginWord("é!\n\\"), "'%b\\0303\\0251\\0041\\0012\\0134'");
});

pure("loginLine() refuses scripts that some login shell would read differently", () => {
  for (const script of ["echo 'a'", "[ ! -e a ]", "a\nb", "printf \\\\", "a \\", "é"]) {
    assert.throws(() => loginLine(script), RangeError);
  }
  assert.throws(() => loginLine("id", "a\0b"), RangeError);
});

pure("wordsOfLine() accepts only complete lines of loginLine()", () => {
  assert.equal(wordsOfLine(loginLine("id", "a"))?.endsWith("; id' sh 'a'"), true);
  for (const line of ["exec id", "exec sh -c 'a' sh 'b'; id", "exec sh -c 'a' sh 'b''c'", "id"]) {
    assert.equal(wordsOfLine(line), undefined);
  }
});

async function wordsThrough(shell: LoginShell, words: readonly string[], directory: string) {
  return (await runLogin(shell, loginLine(PRINT, ...words), directory)).split("\0").slice(0, -1);
}

for (const shell of LOGIN_SHELLS) {
  peerTest({
    name: `loginLine() passes every word through ${shell.name} unchanged, and nothing runs`,
    peer: shell.peer,
    async fn() {
      const directory = await Deno.makeTempDir({ prefix: "mre_line_" });
      const words = fc.array(nastyName, { minLength: 1, maxLength: 25 });
      await fc.assert(
        fc.asyncProperty(words, async (given) => {
          assert.deepEqual(await wordsThrough(shell, given, directory), given);
        }),
        { numRuns: 25 },
      );
      assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), []);
      await Deno.remove(directory, { recursive: true });
    },
  });

  peerTest({
    name: `loginLine() passes 10,000 special characters and a script through ${shell.name}`,
    peer: shell.peer,
    async fn() {
      const directory = await Deno.makeTempDir({ prefix: "mre_line_" });
      for (const character of ["'", "\\", "!", "\n", "ä", "語", "😀", "😀'\n!"]) {
        const word = character.repeat(10_000 / Array.from(character).length);
        assert.deepEqual(await wordsThrough(shell, [word, "b"], directory), [word, "b"]);
      }
      const script = `if ! false; then\n printf 'ä\\\\%s\\000' "$@" # it's\n fi`;
      const line = loginScript("printf before", script, "a'b", "c!");
      assert.equal(await runLogin(shell, line, directory), "beforeä\\a'b\0ä\\c!\0");
      await Deno.remove(directory, { recursive: true });
    },
  });
}
