/** The judges of the diff are `patch` and `git apply`. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "../../support/property.ts";
import { unifiedDiff } from "../../../src/ssh/text/unified_diff.ts";
import { peer, peerTest } from "../../peers/require.ts";
import { pure } from "../../support/pure.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const GIT = peer("git", "/usr/bin/git");
const PATCH = peer("patch", "/usr/bin/patch");

pure("unifiedDiff() shows three lines of context, and a missing line feed", () => {
  const before = "1\n2\n3\n4\n5\n6\n7\n8\n9";
  assert.equal(
    unifiedDiff(before, before.replace("5", "five").replace("9", "9\n"), "/etc/a b"),
    `--- a/etc/a b\t
+++ b/etc/a b\t
@@ -2,8 +2,8 @@
 2
 3
 4
-5
+five
 6
 7
 8
-9
\\ No newline at end of file
+9
`,
  );
  assert.equal(unifiedDiff("a\n", "a\n", "f"), "");
  assert.equal(unifiedDiff("", "a\n", "f"), "--- a/f\n+++ b/f\n@@ -0,0 +1 @@\n+a\n");
  assert.equal(unifiedDiff("a\n", "", "f"), "--- a/f\n+++ b/f\n@@ -1 +0,0 @@\n-a\n");
});

pure("unifiedDiff() is small and quick for large files with many changes", () => {
  const lines = Array.from({ length: 50_000 }, (_, index) => `line ${index} of the file\n`);
  const before = lines.join("");
  const changed = lines.map((line, index) => index % 10 === 0 ? line.toUpperCase() : line).join("");
  const diff = unifiedDiff(before, changed, "f");
  assert.equal(diff.match(/^-/gm)?.length, 5_001);
  const all = unifiedDiff("same\n".repeat(20_000), "other\n".repeat(20_000), "f");
  assert.equal(all.split("\n").length, 40_004);
});

pure("unifiedDiff() works for hundreds of thousands of changed lines", () => {
  const numbers = Array.from({ length: 150_000 }, (_, index) => index);
  const text = (word: string) => numbers.map((number) => `${word} ${number}\n`).join("");
  const diff = unifiedDiff(text("before"), text("after"), "f");
  assert.equal(diff.split("\n").length, 300_004);
  const scattered = (word: string) => numbers.map((number) => `${number}\n${word}\n`).join("");
  const small = unifiedDiff(scattered("before"), scattered("after"), "f");
  assert.equal(small.match(/^-/gm)?.length, 150_001);
});

pure("unifiedDiff() numbers the lines of a change deep in a file", () => {
  const before = Array.from({ length: 100_000 }, (_, index) => `line ${index + 1}\n`).join("");
  const diff = unifiedDiff(before, before.replace("line 70000\n", "changed\nmore\n"), "f");
  const hunk = "@@ -69997,7 +69997,8 @@\n line 69997\n line 69998\n line 69999\n-line 70000\n";
  assert.ok(diff.includes(`${hunk}+changed\n+more\n line 70001\n`), diff);
});

/** Runs a judge in a directory with the old file. Returns the new content. */
async function judge(
  program: "git" | "patch",
  name: string,
  before: string,
  diff: string,
): Promise<string> {
  using place = temporaryDirectory();
  const path = `${place.path}/${name}`;
  Deno.writeTextFileSync(path, before);
  const args = program === "git"
    ? ["apply", "--whitespace=nowarn", "-"]
    : ["-p1", "--binary", "--no-backup-if-mismatch", "--fuzz=0", "-s"];
  const child = new Deno.Command(program, {
    args,
    cwd: place.path,
    env: { GIT_CEILING_DIRECTORIES: place.path, GIT_CONFIG_GLOBAL: "/dev/null" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(Buffer.from(diff));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, `${said}\n${diff}`);
  return Deno.readTextFileSync(path);
}

/** Long ends, so that what is equal is left out. */
const framed = (part: fc.Arbitrary<string>) =>
  fc.tuple(fc.nat({ max: 12 }), part, fc.nat({ max: 12 })).map(([before, text, after]) =>
    "a\n".repeat(before) + text + "b\n".repeat(after)
  );
const lines = framed(
  fc.array(fc.constantFrom("a", "b", "c", "}", "", "\r", "é"), { maxLength: 30 })
    .chain((parts) => fc.boolean().map((ends) => parts.join("\n") + (ends ? "\n" : ""))),
);

for (const program of ["git", "patch"] as const) {
  peerTest({
    peer: program === "git" ? GIT : PATCH,
    name: `${program} turns the old text into the new one with the diff`,
    async fn() {
      const cases = fc.sample(fc.tuple(lines, lines), { numRuns: 60, seed: 7 });
      for (const [before, after] of cases) {
        const diff = unifiedDiff(before, after, "f");
        // git deletes a file that the diff leaves empty only if the header says so.
        if (diff !== "") assert.equal(await judge(program, "f", before, diff), after);
      }
      for (const name of ["with space", 'quote"', "back\\slash", "é", "tab\t"]) {
        const diff = unifiedDiff("1\n2\n", "1\n3\n", `/${name}`);
        assert.equal(await judge(program, name, "1\n2\n", diff), "1\n3\n");
      }
    },
  });
}
