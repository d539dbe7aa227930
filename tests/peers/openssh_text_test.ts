/** The tools for text files on OpenSSH, with a shell. */
import assert from "node:assert/strict";
import { peerTest, SSHD } from "./require.ts";
import { startSshd } from "./sshd.ts";
import { done, failed, openStage, sha256 } from "./text_stage.ts";

peerTest({
  peer: SSHD,
  name: "the text tools write, read, edit and list a file on a host with a shell",
  async fn() {
    await using sshd = await startSshd();
    await using stage = await openStage(sshd);
    const path = `${sshd.home}/sub/app.conf`;
    const content = "listen 80;\nserver_name é;\nroot /srv;\n";
    assert.deepEqual((await failed(stage.write(path, content)))[0], "not_found");
    const made = await done(stage.write(path, content, { create_directories: true }));
    assert.equal(made.sha256, sha256(content));
    assert.equal(made.created, true);
    assert.equal(await Deno.readTextFile(path), content);
    const read = await done(stage.read(path));
    assert.deepEqual([read.text, read.sha256, read.first_line, read.last_line, read.total_lines], [
      content,
      sha256(content),
      1,
      3,
      3,
    ]);
    assert.deepEqual([read.encoding, read.line_ending, read.mode, read.owner], [
      "utf-8",
      "lf",
      "0644",
      sshd.username,
    ]);
    const edited = await done(stage.edit(path, { old_text: "80", new_text: "8080" }));
    const changed = content.replace("80", "8080");
    assert.equal(edited.sha256, sha256(changed));
    assert.equal(await Deno.readTextFile(path), changed);
    const listed = await done(stage.list(sshd.home, { depth: 2 }));
    assert.deepEqual(
      listed.entries.map(({ name, type, size }: Record<string, unknown>) => [name, type, size]),
      [["sub", "directory", listed.entries[0].size], ["sub/app.conf", "file", changed.length + 1]],
    );
    assert.deepEqual([...Deno.readDirSync(`${sshd.home}/sub`)].map(({ name }) => name), [
      "app.conf",
    ]);
  },
});

peerTest({
  peer: SSHD,
  name: "ssh_edit_file puts the old file back when its check fails",
  async fn() {
    await using sshd = await startSshd();
    await using stage = await openStage(sshd, {}, { timeoutMs: 1_000 });
    const path = `${sshd.home}/app.conf`;
    await Deno.writeTextFile(path, "good\n");
    await Deno.chown(path, sshd.uid, null);
    const before = await Deno.stat(path);
    const edit = { old_text: "good", new_text: "bad" };
    const check = `echo seen: $(cat ${path}); echo why >&2; ! grep -q bad ${path}`;
    const { data, isError, text } = await stage.edit(path, edit, { check });
    assert.deepEqual([isError, data.code, data.changed], [true, "check_failed", false], text);
    assert.deepEqual(data.check, { exit_code: 1, stdout: "seen: bad\n", stderr: "why\n" });
    assert.equal(data.sha256, sha256("good\n"));
    assert.equal(await Deno.readTextFile(path), "good\n");
    const after = await Deno.stat(path);
    assert.deepEqual([after.ino, after.mtime], [before.ino, before.mtime]);
    const late = await stage.edit(path, edit, { check: "sleep 60" });
    assert.deepEqual([late.isError, late.data.code], [true, "check_failed"]);
    assert.equal(await Deno.readTextFile(path), "good\n");
    const kept = await done(stage.edit(path, edit, { check: `grep -q bad ${path}` }));
    assert.deepEqual([kept.changed, kept.check.exit_code], [true, 0]);
    assert.equal(await Deno.readTextFile(path), "bad\n");
    assert.deepEqual(
      [...Deno.readDirSync(sshd.home)].map(({ name }) => name).filter((name) => name !== ".cache"),
      ["app.conf"],
    );
  },
});
