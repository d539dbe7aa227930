/** The tools for text files on OpenSSH, with a shell and without one. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { linesOf, startWithKeyOptions, startWithScript } from "./forced.ts";
import { HOSTILE } from "./hostile_names.ts";
import { FISH, isRoot, TCSH, until, ZSH } from "./openssh.ts";
import { peerTest, PYTHON, ROOT, SSHD } from "./require.ts";
import { aliveWithMarker, type Sshd, type SshdOptions, startSshd } from "./sshd.ts";
import { done, failed, openStage, sha256, type TextStage } from "./text_stage.ts";

const LIMITS = { characterLimit: 2_000, maxFileBytes: 100_000, timeoutMs: 60_000 };

/** What the checks of one host share. */
interface Place {
  readonly stage: TextStage;
  readonly sshd: Sshd;
  /** A directory of the check's own, which belongs to the login. */
  readonly dir: string;
  /** Creates a file of the login. */
  file(name: string, content: string | Uint8Array, mode?: number): Promise<string>;
  /** Whether commands run on the host. */
  readonly hasShell: boolean;
}

type Check = (place: Place) => Promise<void>;

const namesIn = (dir: string): string[] =>
  [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
const modeOf = (path: string): number => (Deno.statSync(path).mode ?? 0) & 0o7777;
const numbered = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}\n`).join("");

const CHECKS: Readonly<Record<string, Check>> = {
  async "write, read, edit and list"({ stage, dir }) {
    const path = `${dir}/sub/app.conf`;
    const content = "listen 80;\nserver_name é;\nroot /srv;\n";
    assert.deepEqual((await failed(stage.write(path, content)))[0], "not_found");
    // Written as UTF-8, half a pair would become another character.
    assert.equal((await failed(stage.write(`${dir}/half`, "\ud800")))[0], "invalid_argument");
    const made = await done(stage.write(path, content, { create_directories: true }));
    assert.deepEqual([made.sha256, made.created, made.bytes_transferred], [
      sha256(content),
      true,
      Buffer.byteLength(content),
    ]);
    assert.equal(Deno.readTextFileSync(path), content);
    const read = await done(stage.read(path));
    assert.deepEqual([read.text, read.sha256, read.first_line, read.last_line, read.total_lines], [
      content,
      sha256(content),
      1,
      3,
      3,
    ]);
    assert.deepEqual([read.encoding, read.line_ending, read.mode, read.next_line], [
      "utf-8",
      "lf",
      "0644",
      undefined,
    ]);
    const edited = await done(stage.edit(path, { old_text: "80", new_text: "8080" }));
    const changed = content.replace("80", "8080");
    assert.deepEqual([edited.sha256, edited.changed], [sha256(changed), true]);
    assert.equal(Deno.readTextFileSync(path), changed);
    const listed = await done(stage.list(dir, { depth: 2 }));
    assert.deepEqual(
      listed.entries.map(({ name, type }: Record<string, unknown>) => [name, type]),
      [["sub", "directory"], ["sub/app.conf", "file"]],
    );
    assert.deepEqual(namesIn(`${dir}/sub`), ["app.conf"]);
  },

  async "pages end at line ends, and the next one follows"({ stage, file }) {
    const path = await file("pages", numbered(1, 1_000));
    let next: number | undefined = 1;
    let text = "";
    for (let pages = 0; next !== undefined; pages++) {
      const page = await done(stage.read(path, { from_line: next }));
      assert.ok(Array.from(page.text).length <= LIMITS.characterLimit && page.text.endsWith("\n"));
      assert.deepEqual([page.first_line, page.total_lines], [next, 1_000]);
      text += page.text;
      next = page.next_line;
      assert.ok(pages < 10);
    }
    assert.equal(text, numbered(1, 1_000));
    const some = await done(stage.read(path, { from_line: 50, lines: 2 }));
    assert.deepEqual([some.text, some.last_line, some.next_line], [numbered(50, 51), 51, 52]);
    const end = await done(stage.read(path, { from_line: 999 }));
    assert.deepEqual([end.text, end.last_line, end.next_line], [
      numbered(999, 1_000),
      1_000,
      undefined,
    ]);
    const tail = await done(stage.read(path, { tail_lines: 3 }));
    assert.deepEqual([tail.text, tail.first_line, tail.last_line], [
      numbered(998, 1_000),
      998,
      1_000,
    ]);
    const long = await done(stage.read(path, { tail_lines: 900 }));
    assert.deepEqual([long.last_line, long.notice], [1_000, "Cut at the limit of characters"]);
    assert.equal(long.text, numbered(long.first_line, 1_000));
    assert.ok(long.first_line < 850);
    const behind = await failed(stage.read(path, { from_line: 1_001 }));
    assert.deepEqual(behind[0], "invalid_argument");
    assert.match(behind[1], /has only 1000 lines: from_line 1001 is behind its end$/);
    assert.equal(
      (await failed(stage.read(path, { from_line: 2, tail_lines: 1 })))[0],
      "invalid_argument",
    );
  },

  async "empty files, files without a last line feed, and long lines"({ stage, file }) {
    const empty = await done(stage.read(await file("empty", "")));
    assert.deepEqual([empty.text, empty.total_lines, empty.size, empty.sha256], [
      "",
      0,
      0,
      sha256(""),
    ]);
    const open = await done(stage.read(await file("open", "a\nb")));
    assert.deepEqual([open.text, open.total_lines, open.last_line], ["a\nb", 2, 2]);
    const path = await file("long", `short\n${"😀".repeat(5_000)}\nlast\n`);
    const first = await done(stage.read(path));
    assert.deepEqual([first.text, first.next_line], ["short\n", 2]);
    const cut = await done(stage.read(path, { from_line: 2 }));
    assert.deepEqual([cut.text, cut.last_line, cut.next_line], ["😀".repeat(2_000), 2, 3]);
    assert.match(cut.notice, /^Line 2 is longer than the limit/);
    assert.equal((await done(stage.read(path, { from_line: 3 }))).text, "last\n");
    const tail = await done(stage.read(await file("tail", "é".repeat(6_000)), { tail_lines: 1 }));
    assert.deepEqual([tail.text, tail.first_line], ["é".repeat(2_000), 1]);
    assert.match(tail.notice, /longer than the limit/);
  },

  async "lines of a file that is too large to count"({ stage, file }) {
    const path = await file("large", numbered(1, 20_000));
    const page = await done(stage.read(path, { from_line: 15_000, lines: 2 }));
    assert.deepEqual([page.text, page.total_lines, page.sha256, page.next_line], [
      numbered(15_000, 15_001),
      null,
      null,
      15_002,
    ]);
    assert.equal(page.size, Deno.statSync(path).size);
    const end = await done(stage.read(path, { from_line: 19_999 }));
    assert.deepEqual([end.text, end.next_line], [numbered(19_999, 20_000), undefined]);
    const tail = await done(stage.read(path, { tail_lines: 2 }));
    assert.deepEqual([tail.text, tail.first_line], [numbered(19_999, 20_000), undefined]);
    const whole = await done(stage.read(path, { tail_lines: 1_000 }));
    assert.ok(numbered(1, 20_000).endsWith(whole.text) && whole.text.startsWith("line "));
    assert.equal((await failed(stage.read(path, { from_line: 20_001 })))[0], "invalid_argument");
    assert.equal(
      (await failed(stage.edit(path, { old_text: "line 7\n", new_text: "" })))[0],
      "too_large",
    );
  },

  async "encodings are named, edited and kept"({ stage, file, dir }) {
    const text = "caf\xe9 one\r\nline two\r\n";
    const utf16 = Buffer.from(`\ufeff${text}`, "utf16le");
    const files: readonly (readonly [string, Buffer])[] = [
      ["utf-8", Buffer.from(text)],
      ["utf-8-bom", Buffer.from(`\ufeff${text}`)],
      ["utf-16le", utf16],
      ["utf-16be", Buffer.from(utf16).swap16()],
      ["latin-1", Buffer.from(text, "latin1")],
    ];
    for (const [encoding, content] of files) {
      const path = await file(encoding, content);
      const page = await done(stage.read(path));
      assert.deepEqual([page.encoding, page.line_ending, page.text, page.sha256], [
        encoding,
        "crlf",
        text,
        sha256(content),
      ]);
      const second = await done(stage.read(path, { from_line: 2 }));
      assert.deepEqual([second.encoding, second.text], [encoding, "line two\r\n"]);
      const tail = await done(stage.read(path, { tail_lines: 2 }));
      assert.deepEqual([tail.encoding, tail.text, tail.first_line], [encoding, text, 1]);
      const edits = { old_text: "one\nline", new_text: "\xfc\nzwei" };
      const edited = await done(stage.edit(path, edits));
      const wanted = text.replace("one\r\nline", "\xfc\r\nzwei");
      const now = await done(stage.read(path));
      assert.deepEqual([now.encoding, now.text, now.sha256], [encoding, wanted, edited.sha256]);
      const kept = Deno.readFileSync(path).subarray(0, 4);
      assert.deepEqual([...kept], [...content.subarray(0, 4)]);
    }
    const refused = await failed(
      stage.edit(`${dir}/latin-1`, { old_text: "zwei", new_text: "€" }),
    );
    assert.equal(refused[0], "invalid_argument");
    assert.match(refused[1], /is latin-1, which cannot hold "€" \(U\+20AC\); nothing was changed$/);
  },

  async "binary files are refused with what they are"({ stage, file }) {
    const elf = await file("elf", Buffer.from("7f454c460201010000", "hex"));
    const [code, error] = await failed(stage.read(elf));
    assert.equal(code, "binary_file");
    assert.match(error, /is an ELF program, not text; it begins with 7f 45 4c 46 02 01 01 00 00$/);
    const { data } = await stage.edit(elf, { old_text: "a", new_text: "b" });
    assert.equal(data.code, "binary_file");
    assert.match(data.suggestion, /ssh_download_file/);
  },

  async "edits that fail change nothing"({ stage, file }) {
    const path = await file("edits", "a\nb\na\n");
    const before = Deno.statSync(path);
    const cases: readonly (readonly [object[], string])[] = [
      [[{ old_text: "a", new_text: "x" }], "not_unique"],
      [[{ old_text: "b", new_text: "x" }, { old_text: "nope", new_text: "" }], "no_match"],
      [[{ old_text: "b", new_text: "b" }], "invalid_argument"],
      [[], "invalid_argument"],
      [[{ old_text: "", new_text: "b" }], "invalid_argument"],
      [[{ old_text: "b", new_text: "\ud800" }], "invalid_argument"],
      [[{ old_text: "b", new_text: "x".repeat(200_000) }], "too_large"],
    ];
    for (const [edits, code] of cases) {
      assert.equal((await failed(stage.edit(path, edits)))[0], code);
    }
    const dry = await done(
      stage.edit(path, { old_text: "a", new_text: "c", replace_all: true }, { dry_run: true }),
    );
    assert.deepEqual([dry.changed, dry.replacements, dry.sha256], [false, 2, sha256("a\nb\na\n")]);
    assert.match(dry.diff, /^-a\n\+c\n b\n-a\n\+c\n$/m);
    // The hash is that of the file, so it can be passed on.
    const stale = { dry_run: true, expect_sha256: sha256("c\nb\nc\n") };
    assert.equal(
      (await failed(stage.edit(path, { old_text: "b", new_text: "x" }, stale)))[0],
      "changed",
    );
    const current = { dry_run: true, expect_sha256: dry.sha256 };
    await done(stage.edit(path, { old_text: "b", new_text: "x" }, current));
    const back = [{ old_text: "b", new_text: "c" }, { old_text: "c", new_text: "b" }];
    const same = await done(stage.edit(path, back));
    assert.deepEqual([same.changed, same.diff, same.sha256], [false, "", sha256("a\nb\na\n")]);
    const after = Deno.statSync(path);
    assert.deepEqual([after.ino, after.mtime], [before.ino, before.mtime]);
  },

  async "expect_sha256 protects what others have written"({ stage, file, dir }) {
    const path = await file("expected", "one\n");
    const expect = { expect_sha256: sha256("one\n") };
    const two = await done(stage.write(path, "two\n", expect));
    assert.equal(two.created, false);
    assert.equal((await failed(stage.write(path, "three\n", expect)))[0], "changed");
    const edit = { old_text: "two", new_text: "three" };
    assert.equal((await failed(stage.edit(path, edit, expect)))[0], "changed");
    assert.equal((await failed(stage.write(`${dir}/none`, "x", expect)))[0], "changed");
    assert.equal(Deno.readTextFileSync(path), "two\n");
    await done(stage.edit(path, edit, { expect_sha256: two.sha256.toUpperCase() }));
    assert.equal(Deno.readTextFileSync(path), "three\n");
    assert.equal((await failed(stage.write(path, "four\n")))[0], "already_exists");
    await done(stage.write(path, "four\n", { overwrite: true, permissions: 640 }));
    assert.deepEqual([Deno.readTextFileSync(path), modeOf(path)], ["four\n", 0o640]);
  },

  async "of several editors at once, only the first succeeds"({ stage, file, dir }) {
    const path = await file("shared", "0\n");
    const results = await Promise.all(
      Array.from(
        { length: 6 },
        (_, index) => stage.edit(path, { old_text: "0", new_text: `0 ${index}` }),
      ),
    );
    const [written, ...more] = results.filter(({ isError }) => !isError);
    assert.deepEqual(more, []);
    assert.equal(written?.data.sha256, sha256(Deno.readFileSync(path)));
    // One that has read the file late does not find the old text any more.
    for (const { isError, data } of results) {
      if (isError) assert.ok(["changed", "no_match"].includes(data.code), data.code);
    }
    assert.deepEqual(namesIn(dir), ["shared"]);
  },

  async "modes and symbolic links are kept"({ stage, file, dir, sshd }) {
    const path = await file("target", "one\n", 0o750);
    await Deno.symlink("target", `${dir}/link`);
    await done(stage.edit(`${dir}/link`, { old_text: "one", new_text: "two" }));
    await done(stage.write(`${dir}/link`, "three\n", { overwrite: true }));
    assert.deepEqual([Deno.readTextFileSync(path), modeOf(path)], ["three\n", 0o750]);
    assert.equal(Deno.lstatSync(`${dir}/link`).isSymlink, true);
    assert.equal(Deno.statSync(path).uid, sshd.uid);
    await Deno.symlink("nowhere", `${dir}/dangling`);
    assert.equal((await failed(stage.read(`${dir}/dangling`)))[0], "not_found");
    assert.equal(
      (await failed(stage.write(`${dir}/dangling`, "x", { overwrite: true })))[0],
      "not_a_file",
    );
  },

  async "missing files, directories and wrong paths"({ stage, dir }) {
    for (const call of [stage.read(`${dir}/none`), stage.list(`${dir}/none`)]) {
      assert.equal((await failed(call))[0], "not_found");
    }
    const edit = { old_text: "a", new_text: "b" };
    assert.equal((await failed(stage.edit(`${dir}/none`, edit)))[0], "not_found");
    assert.equal((await failed(stage.read(dir)))[0], "is_directory");
    assert.equal((await failed(stage.write(dir, "", { overwrite: true })))[0], "is_directory");
    assert.equal((await failed(stage.list(`${dir}/../x`)))[0], "invalid_argument");
    assert.equal((await failed(stage.read("a\0b")))[0], "invalid_argument");
    assert.equal((await failed(stage.write(`${dir}/new/`, "x")))[0], "invalid_argument");
  },

  async "directories: order, hidden names, links, depth and limits"({ stage, file, dir }) {
    await Deno.mkdir(`${dir}/b/c/d`, { recursive: true });
    await Deno.mkdir(`${dir}/.hidden`);
    await file("a", "12345");
    await file("b/c/deep", "");
    await file(".hidden/x", "");
    await Deno.symlink("../target\n", `${dir}/link`);
    await file("odd\nname\t\x1b[31m", "");
    const odd = "odd\nname\t\x1b[31m";
    const names = (data: { entries: { name: string }[] }) => data.entries.map(({ name }) => name);
    const top = await stage.list(dir);
    assert.deepEqual(names(top.data), ["a", "b", "link", odd]);
    assert.match(top.text, /odd\\nname\\t\\x1b\[31m$/m);
    const [a, , link] = top.data.entries;
    assert.deepEqual([a.type, a.size, a.mode, link.type, link.target], [
      "file",
      5,
      "0644",
      "link",
      "../target\n",
    ]);
    assert.match(a.mtime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.deepEqual(names(await done(stage.list(dir, { depth: 3 }))), [
      "a",
      "b",
      "b/c",
      "b/c/d",
      "b/c/deep",
      "link",
      odd,
    ]);
    assert.deepEqual(names(await done(stage.list(dir, { depth: 2, hidden: true }))), [
      ".hidden",
      ".hidden/x",
      "a",
      "b",
      "b/c",
      "link",
      odd,
    ]);
    const cut = await done(stage.list(dir, { depth: 3, limit: 1 }));
    assert.deepEqual([names(cut), cut.omitted], [["a"], 6]);
    assert.equal((await failed(stage.list(`${dir}/a`)))[0], "invalid_argument");
  },

  async "an owner that cannot be kept is named"({ stage, file }) {
    if (!isRoot) return;
    const path = await file("foreign", "one\n", 0o666);
    Deno.chownSync(path, 0, 0);
    const { warnings } = await done(stage.edit(path, { old_text: "one", new_text: "two" }));
    assert.deepEqual(warnings, ["The owner or group changed: this login may not set it"]);
    const own = await done(stage.edit(path, { old_text: "two", new_text: "three" }));
    assert.equal(own.warnings, undefined);
  },

  async "a check needs a shell"({ stage, file, hasShell }) {
    const path = await file("checked", "good\n");
    const before = Deno.statSync(path);
    const edit = { old_text: "good", new_text: "bad" };
    const check = `echo seen: $(cat ${path}); echo why >&2; ! grep -q bad ${path}`;
    const { data, isError, text } = await stage.edit(path, edit, { check });
    assert.equal(isError, true, text);
    if (hasShell) {
      assert.deepEqual([data.code, data.changed, data.sha256], [
        "check_failed",
        false,
        sha256("good\n"),
      ]);
      assert.deepEqual(data.check, { exit_code: 1, stdout: "seen: bad\n", stderr: "why\n" });
      const kept = await done(stage.edit(path, edit, { check: `grep -q bad ${path}` }));
      assert.deepEqual([kept.changed, kept.check.exit_code], [true, 0]);
      assert.equal(Deno.readTextFileSync(path), "bad\n");
      assert.deepEqual(namesIn(path.replace(/\/[^/]*$/, "")), ["checked"]);
    } else {
      assert.equal(data.code, "unsupported");
      const after = Deno.statSync(path);
      assert.deepEqual([after.ino, after.mtime], [before.ino, before.mtime]);
    }
  },
};

const HOSTS: Readonly<Record<string, SshdOptions & { readonly hasShell: boolean }>> = {
  "sh": { hasShell: true },
  ...(isRoot
    ? {
      "internal-sftp only": {
        hasShell: false,
        config: [
          "Subsystem sftp internal-sftp",
          "ForceCommand internal-sftp",
        ],
      },
      "no shell in a session": {
        hasShell: false,
        shell: "/usr/sbin/nologin",
        config: [
          "Subsystem sftp internal-sftp",
        ],
      },
    }
    : {}),
};

for (const [name, { hasShell, ...options }] of Object.entries(HOSTS)) {
  peerTest({
    peer: SSHD,
    name: `the text tools (${name})`,
    async fn(test) {
      await using sshd = await startSshd(options);
      await using stage = await openStage(sshd, {}, LIMITS);
      let count = 0;
      for (const [what, check] of Object.entries(CHECKS)) {
        await test.step(what, async () => {
          const dir = `${sshd.home}/${count++}`;
          await Deno.mkdir(dir);
          await Deno.chown(dir, sshd.uid, null);
          const file = async (name: string, content: string | Uint8Array, mode = 0o644) => {
            const path = `${dir}/${name}`;
            await Deno.writeFile(path, Buffer.from(content));
            await Deno.chmod(path, mode);
            await Deno.chown(path, sshd.uid, null);
            return path;
          };
          await check({ stage, sshd, dir, file, hasShell });
        });
      }
    },
  });
}

peerTest({
  peer: SSHD,
  name: "the text tools do not wait for what the login's start-up files have started",
  async fn() {
    await using sshd = await startSshd({ shell: "/bin/bash" });
    // It keeps stderr open.
    Deno.writeTextFileSync(`${sshd.home}/.bashrc`, "sleep 300 > /dev/null < /dev/null &\n");
    await using stage = await openStage(sshd);
    Deno.writeTextFileSync(`${sshd.home}/f`, "1\n");
    assert.equal((await done(stage.read("f"))).text, "1\n");
  },
});

peerTest({
  peer: [SSHD, ROOT],
  name: "the text tools work over SFTP in a chroot without a shell",
  async fn() {
    // sshd wants all directories above it to belong to root, and /tmp can be written by all.
    const root = await Deno.makeTempDir({ dir: "/run", prefix: "mre_chroot_" });
    await using _removal = { [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }) };
    await Deno.chmod(root, 0o755);
    const config = ["Subsystem sftp internal-sftp", `ChrootDirectory ${root}`];
    await using sshd = await startSshd({ config });
    await Deno.mkdir(`${root}/data`);
    await Deno.chown(`${root}/data`, sshd.uid, null);
    await using stage = await openStage(sshd);
    await done(stage.write("/data/f", "one\n"));
    await done(stage.edit("/data/f", { old_text: "one", new_text: "two" }));
    assert.equal((await done(stage.read("/data/f"))).text, "two\n");
    const { entries } = await done(stage.list("/data"));
    assert.deepEqual(entries.map(({ name }: { name: string }) => name), ["f"]);
    assert.equal(Deno.readTextFileSync(`${root}/data/f`), "two\n");
  },
});

peerTest({
  peer: SSHD,
  name: "ssh_edit_file leaves what another editor wrote during its check",
  async fn() {
    await using sshd = await startSshd();
    await using stage = await openStage(sshd);
    await using other = await openStage(sshd);
    const path = `${sshd.home}/f`;
    await done(stage.write(path, "old\n"));
    const check = `while [ ! -e ${sshd.home}/go ]; do sleep 0.05; done; exit 1`;
    const editing = stage.edit(path, { old_text: "old", new_text: "new" }, { check });
    await until("the check", () => Deno.readTextFileSync(path) === "new\n", 30_000);
    await done(other.edit(path, { old_text: "new", new_text: "other" }));
    await done(other.write(`${sshd.home}/go`, ""));
    const [code, error] = await failed(editing);
    assert.equal(code, "changed");
    assert.match(error, /^The check failed, but .* was changed by something else while it ran/);
    assert.equal(Deno.readTextFileSync(path), "other\n");
    assert.deepEqual(namesIn(sshd.home).filter((name) => !name.startsWith(".cache")), ["f", "go"]);
  },
});

peerTest({
  peer: [SSHD, ROOT],
  name: "the text tools say why a file cannot be replaced, and how to write it in place",
  async fn() {
    await using sshd = await startSshd();
    await using stage = await openStage(sshd);
    const dir = `${sshd.home}/roots`;
    await Deno.mkdir(dir);
    await Deno.writeTextFile(`${dir}/own`, "old\n");
    await Deno.chown(`${dir}/own`, sshd.uid, null);
    const edit = { old_text: "old", new_text: "new" };
    const { data } = await stage.edit(`${dir}/own`, edit);
    assert.equal(data.code, "not_permitted");
    assert.match(data.error, /may write the file, but not create one beside it in .*\/roots$/);
    assert.match(data.suggestion, /cat \/tmp\/new > /);
    assert.equal((await failed(stage.write(`${dir}/new`, "")))[0], "not_permitted");
    assert.equal(Deno.readTextFileSync(`${dir}/own`), "old\n");
  },
});

/** The bytes of an ACL that lets uid 0 read. Source: Linux, include/uapi/linux/posix_acl_xattr.h. */
const ACL = [
  "02000000",
  "01000600ffffffff",
  "0200040000000000",
  "04000400ffffffff",
  "10000600ffffffff",
  "20000400ffffffff",
].join("");

const python = async (script: string, ...args: string[]): Promise<string> => {
  const { stdout, stderr, success } = await new Deno.Command("/usr/bin/python3", {
    args: ["-c", `import os, sys; ${script}`, ...args],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
};

for (const loginUser of ["root", "user"] as const) {
  peerTest({
    peer: [SSHD, ROOT, PYTHON],
    name: `ssh_edit_file keeps what it can of a file, and says what it lost (${loginUser})`,
    async fn() {
      await using sshd = await startSshd({ loginUser });
      await using stage = await openStage(sshd);
      const edit = { old_text: "one", new_text: "two" };
      const group = await new Deno.Command("/usr/bin/id", { args: ["-g", sshd.username] }).output();
      const gid = Number(new TextDecoder().decode(group.stdout));
      const path = `${sshd.home}/acl`;
      await Deno.writeTextFile(path, "one\n");
      await Deno.chown(path, sshd.uid, gid);
      const set = `os.setxattr(sys.argv[1], "system.posix_acl_access", bytes.fromhex("${ACL}"));` +
        `os.setxattr(sys.argv[1], "user.mine", b"1")`;
      await python(set, path);
      const attributes =
        `print([(n, os.getxattr(sys.argv[1], n).hex()) for n in sorted(os.listxattr(sys.argv[1]))])`;
      const before = await python(attributes, path);
      const kept = await done(stage.edit(path, edit));
      assert.equal(kept.warnings, undefined);
      assert.equal(await python(attributes, path), before);
      assert.equal(Deno.readTextFileSync(path), "two\n");
      assert.ok(Date.now() - (Deno.statSync(path).mtime?.getTime() ?? 0) < 60_000);

      const linked = `${sshd.home}/linked`;
      await Deno.writeTextFile(linked, "one\n");
      await Deno.chown(linked, sshd.uid, gid);
      await Deno.link(linked, `${sshd.home}/other`);
      const links = await done(stage.edit(linked, edit));
      assert.deepEqual(links.warnings, ["Other hard links of the file keep the old content"]);
      assert.equal(Deno.readTextFileSync(`${sshd.home}/other`), "one\n");

      const foreign = `${sshd.home}/foreign`;
      await Deno.writeTextFile(foreign, "one\n");
      await Deno.chmod(foreign, 0o664);
      await Deno.chown(foreign, 12_345, 23_456);
      const { warnings } = await done(stage.edit(foreign, edit));
      const { uid, gid: ownerGroup, mode } = Deno.statSync(foreign);
      assert.equal((mode ?? 0) & 0o777, 0o664);
      if (loginUser === "root") {
        assert.deepEqual([uid, ownerGroup, warnings], [12_345, 23_456, undefined]);
      } else {
        assert.equal(uid, sshd.uid);
        assert.deepEqual(warnings, ["The owner or group changed: this login may not set it"]);
      }
    },
  });
}

for (
  const [shell, peers] of [["bash", []], ["zsh", [ZSH]], ["fish", [FISH]], ["tcsh", [
    TCSH,
  ]]] as const
) {
  peerTest({
    peer: [SSHD, ROOT, ...peers],
    name: `the text tools work with files of hostile names, and nothing runs (${shell})`,
    async fn() {
      await using sshd = await startSshd({
        shell: shell === "bash" ? "/bin/bash" : `/usr/bin/${shell}`,
        ...(shell === "bash" ? { config: ["Subsystem sftp internal-sftp"] } : {}),
      });
      // Start-up files that print text and change the directory.
      if (shell === "bash") {
        await Deno.writeTextFile(
          `${sshd.home}/.bashrc`,
          "echo Welcome; printf '\\033[0m'; cd /var/tmp\n",
        );
      }
      await using stage = await openStage(sshd);
      await Deno.mkdir(`${sshd.home}/d`);
      await Deno.chown(`${sshd.home}/d`, sshd.uid, null);
      for (const name of HOSTILE) {
        const path = `d/${name}`;
        await done(stage.write(path, "one\n"));
        const args = { check: "test 1 -eq 1" };
        await done(stage.edit(path, { old_text: "one", new_text: "two" }, args));
        const { text } = await done(stage.read(`~/${path}`));
        assert.equal(text, "two\n");
        assert.equal(Deno.readTextFileSync(`${sshd.home}/${path}`), "two\n");
      }
      const { entries } = await done(stage.list("d", { hidden: true }));
      assert.deepEqual(
        entries.map(({ name }: { name: string }) => name).sort(),
        [...HOSTILE].sort(),
      );
      assert.deepEqual(namesIn(`${sshd.home}/d`), [...HOSTILE].sort());
      assert.ok(!namesIn(sshd.home).includes("OWNED"));
    },
  });
}

peerTest({
  peer: SSHD,
  name: "the text tools run a forced command once, and never again",
  async fn() {
    await using sshd = await startWithKeyOptions(`command="date >> runs; echo done"`, {});
    await using stage = await openStage(sshd);
    const edit = { old_text: "a", new_text: "b" };
    assert.equal((await failed(stage.read("f")))[0], "unsupported");
    assert.equal((await linesOf(sshd, "runs")).length, 1);
    await failed(stage.edit("f", edit, { check: "true" }));
    assert.ok((await linesOf(sshd, "runs")).length <= 2);
  },
});

peerTest({
  peer: SSHD,
  name: "the text tools send nothing but SFTP to a forced command that runs what is requested",
  async fn() {
    const script = 'echo "$SSH_ORIGINAL_COMMAND" >> runs; eval "$SSH_ORIGINAL_COMMAND"';
    await using sshd = await startWithScript(script, {});
    await using stage = await openStage(sshd);
    await done(stage.write("f", "one\n"));
    await done(stage.edit("f", { old_text: "one", new_text: "two" }));
    assert.equal((await done(stage.read("f"))).text, "two\n");
    await done(stage.list("."));
    assert.deepEqual(await linesOf(sshd, "runs"), ["/usr/lib/openssh/sftp-server"]);
  },
});

/** Processes of the login whose command line begins so. */
const running = (sshd: Sshd, program: string): number[] =>
  aliveWithMarker(sshd.marker).filter((pid) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/cmdline`).startsWith(`${program}\0`);
    } catch {
      return false; // ended meanwhile
    }
  });

peerTest({
  peer: SSHD,
  name: "a cancelled call of a text tool leaves nothing running, and undoes its edit",
  async fn() {
    await using sshd = await startSshd();
    await using stage = await openStage(sshd);
    // To count the lines of its hole takes minutes.
    const large = { path: `${sshd.home}/large`, from_line: 1_000_000 };
    await Deno.writeTextFile(large.path, "line\n".repeat(1_000));
    await Deno.truncate(large.path, 1e12);
    const endless = new AbortController();
    const reading = stage.call("ssh_read_file", large, endless.signal);
    await until("the start of the read", () => running(sshd, "tail").length > 0, 30_000);
    endless.abort();
    assert.equal((await failed(reading))[0], "cancelled");
    await until("the end of the read", () => running(sshd, "tail").length === 0, 30_000);

    const path = `${sshd.home}/f`;
    await Deno.writeTextFile(path, "old\n");
    await Deno.chown(path, sshd.uid, null);
    const edit = { path, edits: [{ old_text: "old", new_text: "new" }], check: "exec sleep 300" };
    const stop = new AbortController();
    const editing = stage.call("ssh_edit_file", edit, stop.signal);
    await until("the start of the check", () => running(sshd, "sleep\x00300").length > 0, 30_000);
    assert.equal(Deno.readTextFileSync(path), "new\n");
    stop.abort();
    const { data, isError } = await editing;
    assert.deepEqual([isError, data.code], [true, "cancelled"]);
    assert.equal(Deno.readTextFileSync(path), "old\n");
    await until("the end of the check", () => running(sshd, "sleep\x00300").length === 0, 30_000);
  },
});
