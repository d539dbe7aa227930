/** The tools for text files in containers, which are made of busybox. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { HOSTILE } from "../../peers/hostile_names.ts";
import { bothTest, failure, type Node, nodeTest } from "../node.ts";

const WEB = { ctid: 101, hostname: "web", status: "running" } as const;
const inside = (node: Node, path: string) => `${node.pve.rootfs(101)}${path}`;
const sha256 = (content: string) => createHash("sha256").update(content).digest("hex");
const namesIn = (dir: string) => Array.from(Deno.readDirSync(dir), ({ name }) => name).sort();

async function done(call: ReturnType<Node["call"]>) {
  const { data, isError, text } = await call;
  assert.equal(isError, false, text);
  return data;
}

bothTest(
  "the text tools read, write, edit and list in a container",
  { containers: [WEB] },
  async (node) => {
    const at = { ctid: 101, path: "/srv/www/app.conf" };
    const content = "listen 80;\r\nname é;\r\n";
    const made = await done(
      node.call("ssh_write_file", { ...at, content, create_directories: true }),
    );
    assert.deepEqual([made.sha256, made.verified], [sha256(content), "sha256"]);
    await Deno.chmod(inside(node, at.path), 0o640);
    await Deno.chown(inside(node, at.path), 33, 33);
    const read = await done(node.call("ssh_read_file", { ...at, from_line: 2 }));
    assert.deepEqual([read.text, read.line_ending, read.total_lines, read.mode, read.owner], [
      "name é;\r\n",
      "crlf",
      2,
      "0640",
      "www-data",
    ]);
    assert.equal(read.sha256, sha256(content));
    const edits = [{ old_text: "80;\nname", new_text: "81;\nname" }];
    const edited = await done(node.call("ssh_edit_file", { ...at, edits }));
    const wanted = content.replace("80", "81");
    assert.deepEqual([edited.sha256, edited.warnings], [sha256(wanted), undefined]);
    assert.equal(Deno.readTextFileSync(inside(node, at.path)), wanted);
    const { uid, mode } = Deno.statSync(inside(node, at.path));
    assert.deepEqual([uid, (mode ?? 0) & 0o777], [33, 0o640]);
    const tail = await done(node.call("ssh_read_file", { ...at, tail_lines: 1 }));
    assert.deepEqual([tail.text, tail.first_line], ["name é;\r\n", 2]);
    assert.deepEqual(namesIn(inside(node, "/srv/www")), ["app.conf"]);
  },
);

bothTest("ssh_edit_file runs its check in the container, and undoes the edit if it fails", {
  containers: [WEB],
}, async (node) => {
  const path = inside(node, "/etc/app.conf");
  await Deno.writeTextFile(path, "good\n");
  const { ino } = Deno.statSync(path);
  const edits = [{ old_text: "good", new_text: "bad" }];
  const call = (check: string) =>
    node.call("ssh_edit_file", { ctid: 101, path: "/etc/app.conf", edits, check });
  const { data, isError } = await call("cat /etc/hostname /etc/app.conf; echo why >&2; exit 3");
  assert.deepEqual([isError, data.code], [true, "check_failed"]);
  assert.deepEqual(data.check, { exit_code: 3, stdout: "web\nbad\n", stderr: "why\n" });
  assert.deepEqual([Deno.readTextFileSync(path), Deno.statSync(path).ino], ["good\n", ino]);
  const kept = await done(call("grep -q bad /etc/app.conf"));
  assert.deepEqual([kept.changed, kept.check], [true, { exit_code: 0, stdout: "", stderr: "" }]);
  assert.equal(Deno.readTextFileSync(path), "bad\n");
  assert.deepEqual(namesIn(inside(node, "/etc")).filter((name) => name.includes("app.conf")), [
    "app.conf",
  ]);
});

nodeTest(
  "the text tools take hostile names in a container",
  { containers: [WEB] },
  async (node) => {
    await Deno.mkdir(inside(node, "/d"));
    // Each call starts the stand-in, so not all of them.
    const names = HOSTILE.filter((_, index) => index % 3 === 0);
    for (const name of names) {
      const at = { ctid: 101, path: `/d/${name}` };
      await done(node.call("ssh_write_file", { ...at, content: "one\n" }));
      await done(
        node.call("ssh_edit_file", { ...at, edits: [{ old_text: "one", new_text: "two" }] }),
      );
      assert.equal((await done(node.call("ssh_read_file", at))).text, "two\n");
    }
    await Deno.symlink("x\ny\n", inside(node, "/d/link"));
    const { entries } = await done(node.call("ssh_list_directory", { ctid: 101, path: "/d" }));
    const found = entries.filter(({ type }: { type: string }) => type === "file");
    assert.deepEqual(
      found.map(({ name, size, owner }: Record<string, unknown>) => [name, size, owner]).sort(),
      names.map((name) => [name, 4, "root"]).sort(),
    );
    const link = entries.find(({ name }: { name: string }) => name === "link");
    assert.deepEqual([link.type, link.target], ["link", "x\ny\n"]);
  },
);

nodeTest(
  "ssh_list_directory shows the depth, hides names and counts what it omits in a container",
  {
    containers: [WEB],
  },
  async (node) => {
    await Deno.mkdir(inside(node, "/t/b/c"), { recursive: true });
    await Deno.mkdir(inside(node, "/t/.git"));
    await Deno.writeTextFile(inside(node, "/t/.git/x"), "");
    await Deno.writeTextFile(inside(node, "/t/b/f"), "12");
    const list = (args: object) =>
      node.call("ssh_list_directory", { ctid: 101, path: "/t", ...args });
    const names = async (args: object) =>
      (await done(list(args))).entries.map(({ name }: { name: string }) => name);
    assert.deepEqual(await names({}), ["b"]);
    assert.deepEqual(await names({ depth: 2 }), ["b", "b/c", "b/f"]);
    assert.deepEqual(await names({ depth: 2, hidden: true }), [
      ".git",
      ".git/x",
      "b",
      "b/c",
      "b/f",
    ]);
    const cut = await done(list({ depth: 2, limit: 1 }));
    assert.deepEqual([cut.entries.length, cut.omitted], [1, 2]);
    assert.deepEqual(failure(await list({ path: "/none" }))[0], "not_found");
    assert.deepEqual(failure(await list({ path: "/etc/passwd" }))[0], "invalid_argument");
  },
);

nodeTest("the text tools say what is wrong with a container or a file in it", {
  containers: [WEB, { ctid: 102, hostname: "off", status: "stopped" }],
}, async (node) => {
  const read = (args: object) => node.call("ssh_read_file", { path: "/etc/passwd", ...args });
  assert.deepEqual(failure(await read({ ctid: 105 })), ["not_found", "Container 105 not found"]);
  assert.match(failure(await read({ ctid: 102 }))[1], /not running/);
  await Deno.writeFile(inside(node, "/bin.dat"), Buffer.from("7f454c4600", "hex"));
  const binary = await read({ ctid: 101, path: "/bin.dat" });
  assert.equal(binary.data.code, "binary_file");
  assert.match(binary.data.suggestion, /proxmox_download_file_from_container/);
  const edits = [{ old_text: "root", new_text: "x" }];
  const twice = await node.call("ssh_edit_file", { ctid: 101, path: "/etc/passwd", edits });
  assert.equal(twice.data.code, "not_unique");
  const expect = { ctid: 101, path: "/etc/passwd", content: "", expect_sha256: "0".repeat(64) };
  assert.equal((await node.call("ssh_write_file", expect)).data.code, "changed");
  assert.equal((await read({ ctid: 101, path: "/etc" })).data.code, "is_directory");
});
