import assert from "node:assert/strict";
import { exclusion } from "../../../../src/ssh/worker/directories/exclusion.ts";
import { peer, peerTest } from "../../../peers/require.ts";

const GIT = peer("git", "/usr/bin/git");

const DIRECTORIES = [
  "build",
  "src",
  "src/build",
  "src/deep",
  "node_modules",
  "node_modules/x",
  "Docs",
];
const FILES = [
  ...[
    "a.log",
    "keep.log",
    "A.LOG",
    ".env",
    ".env.local",
    "#hash",
    "!bang",
    " space",
    "trail ",
    "a[b]",
  ],
  ...[
    "build/out",
    "src/main.ts",
    "src/build/out",
    "src/deep/a.log",
    "src/deep/keep.log",
    "ünï.txt",
  ],
  ...["node_modules/x/index.js", "Docs/page.md", "file1", "file12", "-dash"],
];
const PATTERNS: readonly (readonly string[])[] = [
  ["*.log", "!keep.log"],
  ["build/"],
  ["/build"],
  ["src/build"],
  ["**/build/**"],
  ["node_modules", "!node_modules/x/index.js"],
  ["src/*", "!src/main.ts"],
  ["*", "!*/", "!*.md"],
  [".env*"],
  ["\\#hash", "\\!bang"],
  ["# a comment", ""],
  ["file?"],
  ["file[1-9]"],
  ["a\\[b\\]"],
  ["docs/"],
  ["ünï*"],
  ["src/**/keep.log"],
  ["-dash"],
  ["trail\\ "],
];

peerTest({
  name: "exclusion() excludes what git ignores",
  peer: GIT,
  async fn() {
    const top = await Deno.makeTempDir({ prefix: "mre_ignore_" });
    try {
      await git(top, ["init", "-q"]);
      for (const directory of DIRECTORIES) Deno.mkdirSync(`${top}/${directory}`);
      for (const file of FILES) Deno.writeTextFileSync(`${top}/${file}`, "");
      for (const patterns of PATTERNS) {
        Deno.writeTextFileSync(`${top}/.gitignore`, patterns.join("\n"));
        const all = [...DIRECTORIES, ...FILES];
        const ignored = (await git(top, ["check-ignore", "-z", "--stdin", "--no-index"], all))
          .split("\0").filter((path) => path !== "");
        const isExcluded = exclusion(patterns);
        const excluded = all.filter((path) => isExcluded(path, DIRECTORIES.includes(path)));
        assert.deepEqual(excluded, all.filter((path) => ignored.includes(path)), patterns.join());
      }
    } finally {
      await Deno.remove(top, { recursive: true });
    }
  },
});

Deno.test("exclusion() refuses patterns that would take too long", () => {
  const refused = { code: "invalid_argument" };
  assert.throws(() => exclusion(["a/**/b/**/c/**/d/**"]), refused);
  assert.throws(() => exclusion(Array.from({ length: 1_001 }, () => "a")), refused);
  assert.ok(exclusion(["**/a/**/b/**"])("x/a/y/b/z", false));
});

Deno.test("exclusion() leaves out the server's own temporary files", () => {
  const isExcluded = exclusion([]);
  assert.ok(isExcluded("a/.page.0123456789ab.part", false));
  assert.ok(!isExcluded("a/page.part", false));
});

async function git(
  cwd: string,
  args: readonly string[],
  input: readonly string[] = [],
): Promise<string> {
  const child = new Deno.Command("git", {
    args: [...args],
    cwd,
    stdin: "piped",
    stdout: "piped",
    env: { HOME: cwd, GIT_CONFIG_NOSYSTEM: "1" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input.map((path) => `${path}\0`).join(""))).catch(
    () => {},
  );
  await writer.close().catch(() => {});
  const { stdout } = await child.output();
  return new TextDecoder().decode(stdout);
}
