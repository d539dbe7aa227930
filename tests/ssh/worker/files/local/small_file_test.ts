import assert from "node:assert/strict";
import { PathGuard } from "../../../../../src/local/path_guard.ts";
import { localPathErrors } from "../../../../../src/ssh/worker/files/local/local_errors.ts";
import { writeSmallFile } from "../../../../../src/ssh/worker/files/local/small_file.ts";
import { temporaryDirectory } from "../../../../support/temporary_directory.ts";

interface Place {
  readonly guard: PathGuard;
  /** The allowed directory. */
  readonly root: string;
  /** A directory next to it. */
  readonly outside: string;
}

function smallFileTest(name: string, run: (place: Place) => void): void {
  Deno.test(name, async () => {
    using place = temporaryDirectory();
    const [root, outside] = [`${place.path}/in`, `${place.path}/out`];
    for (const path of [root, outside, `${root}/sub`]) Deno.mkdirSync(path);
    const bounds = { roots: [root], aliases: [], own: [] };
    run({ guard: await PathGuard.create(bounds, localPathErrors), root, outside });
  });
}

const CONTENT = new TextEncoder().encode("content");
const options = { overwrite: false, mode: 0o640, mtime: 1_600_000_000 };
const namesIn = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();

smallFileTest("writeSmallFile() sets content, mode and time", ({ guard, root }) => {
  writeSmallFile(guard, `${root}/sub/f`, "f", CONTENT, options);
  const { mode, mtime } = Deno.statSync(`${root}/sub/f`);
  assert.equal((mode ?? 0) & 0o7777, 0o640);
  assert.equal(mtime?.getTime(), 1_600_000_000_000);
  assert.equal(Deno.readTextFileSync(`${root}/sub/f`), "content");
  assert.deepEqual(namesIn(`${root}/sub`), ["f"]);
});

smallFileTest("writeSmallFile() replaces a file only with `overwrite`", ({ guard, root }) => {
  const path = `${root}/f`;
  Deno.writeTextFileSync(path, "old");
  const write = (overwrite: boolean) =>
    writeSmallFile(guard, path, "f", CONTENT, { ...options, overwrite });
  assert.throws(() => write(false), { code: "already_exists" });
  assert.equal(Deno.readTextFileSync(path), "old");
  assert.deepEqual(namesIn(root), ["f", "sub"]);
  write(true);
  assert.equal(Deno.readTextFileSync(path), "content");
  assert.deepEqual(namesIn(root), ["f", "sub"]);
});

smallFileTest("writeSmallFile() writes an empty file", ({ guard, root }) => {
  writeSmallFile(guard, `${root}/empty`, "empty", new Uint8Array(), options);
  assert.equal(Deno.statSync(`${root}/empty`).size, 0);
});

smallFileTest(
  "writeSmallFile() leaves nothing behind a directory that became a link",
  ({ guard, root, outside }) => {
    Deno.removeSync(`${root}/sub`);
    Deno.symlinkSync(outside, `${root}/sub`);
    const write = () => writeSmallFile(guard, `${root}/sub/f`, "sub/f", CONTENT, options);
    assert.throws(write, { code: "changed" });
    assert.deepEqual(namesIn(outside), []);
  },
);

smallFileTest("writeSmallFile() names what the system refuses", ({ guard, root }) => {
  const write = (path: string) => () =>
    writeSmallFile(guard, `${root}/${path}`, path, CONTENT, options);
  assert.throws(write("missing/f"), { code: "io_error" });
  assert.throws(write("sub"), { code: "already_exists" });
  assert.deepEqual(namesIn(root), ["sub"]);
});
