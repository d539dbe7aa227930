import assert from "node:assert/strict";
import { ownFiles } from "../../src/local/own_files.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

Deno.test("ownFiles() knows a file by its name, also when it does not exist", async () => {
  const isOwn = await ownFiles(["/nowhere/audit.jsonl"]);
  assert.equal(isOwn("/nowhere/audit.jsonl", undefined), true);
  assert.equal(isOwn("/nowhere/audit.json", undefined), false);
});

Deno.test("ownFiles() knows a directory with all that is below it", async () => {
  const isOwn = await ownFiles(["/nowhere/source"]);
  assert.equal(isOwn("/nowhere/source/main.ts", undefined), true);
  assert.equal(isOwn("/nowhere/source2/main.ts", undefined), false);
});

Deno.test("ownFiles() knows a file by identity, whichever side looked it up", async () => {
  using place = temporaryDirectory();
  Deno.writeTextFileSync(`${place.path}/key`, "secret");
  Deno.linkSync(`${place.path}/key`, `${place.path}/hard`);
  const hard = Deno.statSync(`${place.path}/hard`);
  const byName = await ownFiles([`${place.path}/key`]);
  const byIdentity = await ownFiles([], [{ dev: hard.dev, ino: hard.ino }]);
  for (const isOwn of [byName, byIdentity]) {
    assert.equal(isOwn(`${place.path}/hard`, hard), true);
    assert.equal(isOwn(`${place.path}/other`, Deno.statSync(place.path)), false);
  }
  const unknown = await ownFiles([], [{ dev: hard.dev, ino: null }]);
  assert.equal(unknown(`${place.path}/hard`, { dev: hard.dev, ino: null }), false);
});
