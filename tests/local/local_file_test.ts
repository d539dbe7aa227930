import assert from "node:assert/strict";
import { LocalFile } from "../../src/local/local_file.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const noLongerThere = () => new Error("too short");

Deno.test("LocalFile.open() does not wait for the writer of a FIFO", async () => {
  using place = temporaryDirectory();
  const pipe = `${place.path}/pipe`;
  assert.equal((await new Deno.Command("mkfifo", { args: [pipe] }).output()).code, 0);
  using file = await LocalFile.open(pipe);
  assert.equal(file.facts().isFile, false);
});

Deno.test("LocalFile.open() follows no link as the last part of a path", async () => {
  using place = temporaryDirectory();
  Deno.writeTextFileSync(`${place.path}/a`, "hello");
  Deno.symlinkSync("a", `${place.path}/link`);
  await assert.rejects(LocalFile.open(`${place.path}/link`), Deno.errors.NotFound);
});

Deno.test("LocalFile reads from any position, and nothing behind the end", async () => {
  using place = temporaryDirectory();
  Deno.writeTextFileSync(`${place.path}/a`, "hello");
  using file = await LocalFile.open(`${place.path}/a`);
  const buffer = new Uint8Array(3);
  assert.equal(await file.read(buffer, 1), 3);
  assert.equal(new TextDecoder().decode(buffer), "ell");
  assert.equal(await file.read(buffer, 5), 0);
  assert.deepEqual([file.facts().size, file.facts().isFile], [5, true]);
  file.close();
});

Deno.test("LocalFile.close() lets a running read end, and refuses further ones", async () => {
  using place = temporaryDirectory();
  Deno.writeTextFileSync(`${place.path}/a`, "hello");
  const file = await LocalFile.open(`${place.path}/a`);
  const running = file.read(new Uint8Array(5), 0);
  file.close();
  file.close();
  assert.equal(await running, 5);
  await assert.rejects(file.read(new Uint8Array(5), 0), Deno.errors.BadResource);
});

Deno.test("LocalFile.chunks() yields a part in order, and fails when the file is too short", async () => {
  using place = temporaryDirectory();
  Deno.writeTextFileSync(`${place.path}/a`, "0123456789");
  using file = await LocalFile.open(`${place.path}/a`);
  const read = async (start: number, end: number) => {
    const seen: string[] = [];
    for await (const chunk of file.chunks({ start, end }, 4, noLongerThere)) {
      seen.push(new TextDecoder().decode(chunk));
    }
    return seen;
  };
  assert.deepEqual(await read(0, 10), ["0123", "4567", "89"]);
  assert.deepEqual(await read(3, 5), ["34"]);
  assert.deepEqual(await read(5, 5), []);
  await assert.rejects(read(8, 20), /too short/);
});
