import assert from "node:assert/strict";
import { LocalFile } from "../../../../src/downloads/worker/sources/local_file.ts";
import { TestHub } from "../../fixture.ts";

Deno.test("LocalFile.open() does not wait for the writer of a FIFO", async () => {
  await using test = new TestHub();
  const pipe = test.outside("pipe");
  assert.equal((await new Deno.Command("mkfifo", { args: [pipe] }).output()).code, 0);
  using file = await LocalFile.open(pipe);
  assert.equal(file.facts().isFile, false);
});

Deno.test("LocalFile reads from any position, and nothing behind the end", async () => {
  await using test = new TestHub();
  using file = await LocalFile.open(test.write("a", "hello"));
  const buffer = new Uint8Array(3);
  assert.equal(await file.read(buffer, 1), 3);
  assert.equal(new TextDecoder().decode(buffer), "ell");
  assert.equal(await file.read(buffer, 5), 0);
  assert.deepEqual([file.facts().size, file.facts().isFile], [5, true]);
  file.close();
});
