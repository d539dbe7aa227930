import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  writeScript,
  type WriteScriptOptions,
} from "../../../../../src/ssh/worker/files/shell/write_script.ts";
import { scriptTest } from "./script_shells.ts";

const CONTENT = "new content\n";
const HASH = createHash("sha256").update(CONTENT).digest("hex");
const STDIN = `${CONTENT}${HASH}\n`;
const OLD_HASH = createHash("sha256").update("old content").digest("hex");

const write = (path: string, more: Partial<WriteScriptOptions> = {}) =>
  writeScript({
    ...{ path, temporaryName: ".tmp-1", size: CONTENT.length, overwrite: true, mode: undefined },
    ...more,
  });

const SHA256SUM = "/usr/bin/sha256sum";

scriptTest("writeScript() renames the file when size and sha256 match", async (shell) => {
  shell.provide("sha256sum", SHA256SUM);
  shell.provide("ln", "/usr/bin/ln");
  const stdin = `${CONTENT}${HASH}\n`;
  assert.equal(await shell.run(write(`${shell.dir}/old`), stdin), `K\nD ${HASH} 644 644\n`);
  const fresh = write(`${shell.dir}/fresh`, { overwrite: false });
  assert.equal(await shell.run(fresh, stdin), `K\nD ${HASH} 644 644\n`);
  assert.equal(await shell.run(fresh, stdin), "E exists\n");
  for (const name of ["old", "fresh"]) {
    assert.equal(Deno.readTextFileSync(`${shell.dir}/${name}`), CONTENT);
  }
  assert.deepEqual(shell.names(), ["fresh", "old"]);
});

scriptTest("writeScript() keeps the old file when the content does not match", async (shell) => {
  shell.provide("sha256sum", SHA256SUM);
  const other = "new c0ntent\n";
  const stored = createHash("sha256").update(other).digest("hex");
  for (const name of ["old", "fresh"]) {
    const answer = await shell.run(write(`${shell.dir}/${name}`), `${other}${HASH}\n`);
    assert.equal(answer, `K\nE hash ${stored}\n`);
  }
  assert.equal(Deno.readTextFileSync(`${shell.dir}/old`), "old content");
  assert.deepEqual(shell.names(), ["old"]);
});

scriptTest("writeScript() leaves no file when stdin ends early", async (shell) => {
  shell.provide("sha256sum", SHA256SUM);
  const path = `${shell.dir}/old`;
  assert.equal(await shell.run(write(path), CONTENT), "K\n");
  assert.equal(await shell.run(write(path), CONTENT.slice(1)), "K\n");
  assert.equal(await shell.run(write(path)), "K\n");
  assert.equal(Deno.readTextFileSync(path), "old content");
  assert.deepEqual(shell.names(), ["old"]);
});

scriptTest("writeScript() reports that there is no hash tool", async (shell) => {
  const answer = await shell.run(write(`${shell.dir}/old`), `${CONTENT}${HASH}\n`);
  assert.equal(answer, "K\nD - 644 644\n");
  assert.equal(Deno.readTextFileSync(`${shell.dir}/old`), CONTENT);
}, ["sh"]);

scriptTest("writeScript() distinguishes a failed rename from a full disk", async (shell) => {
  shell.provide("ln"); // as on a file system without hard links
  const stdin = `${CONTENT}${HASH}\n`;
  const fresh = write(`${shell.dir}/fresh`, { overwrite: false });
  assert.equal(await shell.run(fresh, stdin), "K\nE name\n");
  for (const overwrite of [false, true]) {
    assert.equal(await shell.run(write(`${shell.dir}/new/`, { overwrite }), stdin), "E slash\n");
  }
  assert.deepEqual(shell.names(), ["old"]);
}, ["sh"]);

/** What ssh_edit_file asks for. */
const EDIT = { expectSha256: OLD_HASH, keepsAttributes: true } as const;

scriptTest("writeScript() changes no other file if its own name becomes a link", async (shell) => {
  shell.provide("sha256sum", SHA256SUM);
  const victim = `${shell.dir}/victim`;
  Deno.writeTextFileSync(victim, "secret", { mode: 0o600 });
  // After the content is verified, whoever owns the directory replaces the temporary file.
  shell.replace(
    "sha256sum",
    `/usr/bin/sha256sum "$@"; [ -L ${shell.dir}/.tmp-1 ] || { ` +
      `/usr/bin/mv ${shell.dir}/.tmp-1 ${shell.dir}/mine; /usr/bin/ln -s ${victim} ${shell.dir}/.tmp-1; }`,
  );
  for (const more of [EDIT, {}]) {
    await shell.run(write(`${shell.dir}/old`, more), STDIN);
    assert.equal((Deno.statSync(victim).mode ?? 0) & 0o777, 0o600);
    assert.equal(Deno.readTextFileSync(victim), "secret");
    for (const name of shell.names()) {
      if (name !== "victim") Deno.removeSync(`${shell.dir}/${name}`);
    }
    Deno.writeTextFileSync(`${shell.dir}/old`, "old content");
  }
}, ["sh"]);

scriptTest("writeScript() says so when the old file cannot be put back", async (shell) => {
  shell.provide("sha256sum", SHA256SUM);
  shell.provide("ln", "/usr/bin/ln");
  const edit = write(`${shell.dir}/old`, { ...EDIT, undoName: ".undo-1" });
  // The second one is that of the old file.
  shell.replace(
    "mv",
    `[ ! -e ${shell.dir}/moved ] || exit 1; : > ${shell.dir}/moved; /usr/bin/mv "$@"`,
  );
  const answer = await shell.run(edit, `${STDIN}undo\n`);
  assert.equal(answer, "K\nP\nE kept\n");
  assert.equal(Deno.readTextFileSync(`${shell.dir}/.undo-1`), "old content");
  assert.equal(Deno.readTextFileSync(`${shell.dir}/old`), CONTENT);
}, ["sh"]);

scriptTest("writeScript() reports the hash of what the check has left", async (shell) => {
  shell.provide("sha256sum", SHA256SUM);
  shell.provide("ln", "/usr/bin/ln");
  // Stands for a check that formats the file.
  shell.replace("rm", `echo formatted > ${shell.dir}/old; exec /usr/bin/rm "$@"`);
  const edit = write(`${shell.dir}/old`, { ...EDIT, undoName: ".undo-1" });
  const answer = await shell.run(edit, `${STDIN}keep\n`);
  const hash = createHash("sha256").update("formatted\n").digest("hex");
  assert.match(answer, new RegExp(`^K\nP\nD ${hash} 644 644 0\n$`));
}, ["sh"]);

/** \`stat\` as on BSD and macOS. */
const BSD_STAT = 'follow=; [ "$1" != -L ] || { follow=-L; shift; }; [ "$1" = -f ] || exit 1; ' +
  'case $2 in "%u:%g %Mp%Lp %l") f="%u:%g 0%a %h";; "%u:%g %Mp%Lp") f="%u:%g 0%a";; *) exit 1;; esac; ' +
  'shift 2; [ "$1" != -L ] || { follow=-L; shift; }; exec /usr/bin/stat $follow -c "$f" "$@"';

scriptTest("writeScript() keeps a mode where stat is that of BSD", async (shell) => {
  shell.provide("sha256sum", SHA256SUM);
  Deno.chmodSync(`${shell.dir}/old`, 0o600);
  shell.replace("stat", BSD_STAT);
  const answer = await shell.run(write(`${shell.dir}/old`, EDIT), STDIN);
  assert.equal(answer, `K\nD ${HASH} 0600 0600 0\n`);
  assert.equal((Deno.statSync(`${shell.dir}/old`).mode ?? 0) & 0o777, 0o600);
}, ["sh"]);

scriptTest("writeScript() replaces nothing whose mode it cannot know", async (shell) => {
  shell.provide("sha256sum", SHA256SUM);
  shell.replace("stat", "exit 1");
  for (const more of [EDIT, {}]) {
    assert.equal(await shell.run(write(`${shell.dir}/old`, more), STDIN), "E tool stat\n");
  }
  assert.equal(Deno.readTextFileSync(`${shell.dir}/old`), "old content");
}, ["sh"]);

scriptTest("writeScript() follows a link whose target ends in a line feed", async (shell) => {
  shell.provide("sha256sum", SHA256SUM);
  Deno.writeTextFileSync(`${shell.dir}/odd\n`, "old content");
  Deno.writeTextFileSync(`${shell.dir}/odd`, "another file");
  Deno.symlinkSync("odd\n", `${shell.dir}/link`);
  assert.match(await shell.run(write(`${shell.dir}/link`, EDIT), STDIN), /^K\nD /);
  assert.equal(Deno.readTextFileSync(`${shell.dir}/odd\n`), CONTENT);
  assert.equal(Deno.readTextFileSync(`${shell.dir}/odd`), "another file");
});

scriptTest("writeScript() says why it cannot create directories", async (shell) => {
  shell.provide("mkdir", "/usr/bin/mkdir");
  const answer = await shell.run(write(`${shell.dir}/old/sub/new`, { parents: true }), STDIN);
  assert.match(answer, /^E makedir .*Not a directory\n$/);
}, ["sh"]);

scriptTest("writeScript() never moves the file into a directory of its name", async (shell) => {
  shell.provide("sha256sum", SHA256SUM);
  shell.replace(
    "chmod",
    `/usr/bin/rm ${shell.dir}/old; /usr/bin/mkdir ${shell.dir}/old; exec /usr/bin/chmod "$@"`,
  );
  const answer = await shell.run(write(`${shell.dir}/old`), STDIN);
  assert.equal(answer, "K\nE name\n");
  assert.deepEqual([...Deno.readDirSync(`${shell.dir}/old`)], []);
}, ["sh"]);

scriptTest("writeScript() lets only one of several servers replace a content", async (shell) => {
  for (const [tool, path] of [["sha256sum", SHA256SUM], ["flock", "/usr/bin/flock"]] as const) {
    shell.provide(tool, path);
  }
  // All others compare the old content before the first one has replaced it.
  shell.replace("mv", 'sleep 0.1; exec /usr/bin/mv "$@"');
  shell.provide("sleep", "/usr/bin/sleep");
  const answers = await Promise.all(Array.from({ length: 4 }, (_, index) => {
    const script = write(`${shell.dir}/old`, { ...EDIT, temporaryName: `.tmp-${index}` });
    return shell.run(script, STDIN);
  }));
  const expected = [
    `K\nD ${HASH} 644 644 0\n`,
    ...Array.from({ length: 3 }, () => "K\nE changed\n"),
  ];
  assert.deepEqual(answers.toSorted(), expected.toSorted());
}, ["sh"]);

scriptTest("writeScript() says why the file could not get its name", async (shell) => {
  shell.provide("sha256sum", SHA256SUM);
  shell.provide("ln", "/usr/bin/ln");
  const path = `${shell.dir}/${"n".repeat(256)}`;
  for (const overwrite of [true, false]) {
    const answer = await shell.run(write(path, { overwrite }), STDIN);
    assert.match(answer, /^K\nE name .*File name too long\n$/);
  }
  assert.deepEqual(shell.names(), ["old"]);
}, ["sh"]);
