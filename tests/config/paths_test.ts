import assert from "node:assert/strict";
import { expandPath, isFilesystemRoot, thisMachine } from "../../src/config/paths.ts";
import { fakeMachine } from "../support/config.ts";
import { pure } from "../support/pure.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

pure("expandPath() starts ~ at home and relative paths at the current directory", () => {
  const machine = fakeMachine();
  const cases = [
    ["~", "/home/me"],
    ["~/a/../b", "/home/me/b"],
    ["a/b", "/home/me/project/a/b"],
    ["./a", "/home/me/project/a"],
    ["/etc//x", "/etc/x"],
    ["~other/x", "/home/me/project/~other/x"],
    ["a~b", "/home/me/project/a~b"],
  ] as const;
  for (const [path, expected] of cases) {
    assert.equal(expandPath(path, machine).replace(/(?<=.)\/$/, ""), expected, path);
  }
});

pure("expandPath() accepts Windows paths", () => {
  const machine = fakeMachine({ windows: true, cwd: "C:\\work", home: "C:\\Users\\me" });
  const cases = [
    ["D:\\keys\\id", "D:\\keys\\id"],
    ["D:/keys/id", "D:\\keys\\id"],
    ["~\\.ssh\\id", "C:\\Users\\me\\.ssh\\id"],
    ["~/.ssh/id", "C:\\Users\\me\\.ssh\\id"],
    ["keys\\id", "C:\\work\\keys\\id"],
    ["\\\\server\\share\\id", "\\\\server\\share\\id"],
  ] as const;
  for (const [path, expected] of cases) assert.equal(expandPath(path, machine), expected, path);
});

pure("isFilesystemRoot() recognizes POSIX and Windows roots", () => {
  const [unix, windows] = [fakeMachine(), fakeMachine({ windows: true })];
  assert.equal(isFilesystemRoot("/", unix), true);
  assert.equal(isFilesystemRoot("/home", unix), false);
  assert.equal(isFilesystemRoot("C:\\", windows), true);
  assert.equal(isFilesystemRoot("C:\\Users", windows), false);
});

Deno.test("thisMachine() tells files, directories and missing paths apart, following links", () => {
  using place = temporaryDirectory();
  const machine = thisMachine({ HOME: place.path });
  Deno.writeTextFileSync(`${place.path}/file`, "");
  Deno.symlinkSync(`${place.path}/file`, `${place.path}/link`);
  assert.equal(machine.home, place.path);
  assert.equal(machine.kind(place.path), "directory");
  assert.equal(machine.kind(`${place.path}/link`), "file");
  assert.equal(machine.kind(`${place.path}/none`), "missing");
  assert.equal(machine.kind("/dev/null"), "other");
  assert.equal(machine.realPath(`${place.path}/link`), `${place.path}/file`);
});

Deno.test("thisMachine() has no home when the environment names none", () => {
  assert.equal(thisMachine({}).home, undefined);
});
