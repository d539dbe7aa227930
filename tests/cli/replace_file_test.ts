import assert from "node:assert/strict";
import { readIfExists, replaceFile } from "../../src/cli/replace_file.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const namesIn = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();
const modeOf = (path: string) => (Deno.statSync(path).mode ?? 0) & 0o777;

Deno.test("replaceFile() creates a file and its directory, readable by the user alone", () => {
  using place = temporaryDirectory();
  const path = `${place.path}/ä b/c/file`;
  assert.equal(readIfExists(path), undefined);
  assert.equal(replaceFile({ path, text: "new", before: undefined, keepsOld: true }), undefined);
  assert.equal(Deno.readTextFileSync(path), "new");
  assert.deepEqual([modeOf(path), modeOf(`${place.path}/ä b/c`)], [0o600, 0o700]);
});

Deno.test("replaceFile() keeps mode, old text and symbolic link", () => {
  using place = temporaryDirectory();
  const [real, path] = [`${place.path}/real`, `${place.path}/link`];
  Deno.writeTextFileSync(real, "old");
  Deno.chmodSync(real, 0o664);
  Deno.symlinkSync("real", path);
  const kept = replaceFile({ path, text: "new", before: "old", keepsOld: true });
  assert.match(kept ?? "", /\/real\.\d{8}T\d{6}\.bak$/);
  assert.deepEqual([Deno.readTextFileSync(real), Deno.readTextFileSync(kept ?? "")], [
    "new",
    "old",
  ]);
  assert.deepEqual([modeOf(real), modeOf(kept ?? "")], [0o664, 0o664]);
  assert.ok(Deno.lstatSync(path).isSymlink);
});

Deno.test("replaceFile() sets mode and owner of no file that somebody put in place of the new one", () => {
  using place = temporaryDirectory();
  const [path, victim] = [`${place.path}/file`, `${place.path}/victim`];
  Deno.writeTextFileSync(path, "old");
  Deno.chmodSync(path, 0o666);
  Deno.writeTextFileSync(victim, "");
  Deno.chmodSync(victim, 0o600);
  const { chmodSync } = Deno;
  // Only a call that takes a path can be led astray.
  Deno.chmodSync = (temporary, mode) => {
    Deno.removeSync(temporary);
    Deno.symlinkSync(victim, temporary);
    chmodSync(temporary, mode);
  };
  try {
    replaceFile({ path, text: "new", before: "old" });
  } finally {
    Deno.chmodSync = chmodSync;
  }
  assert.equal(modeOf(victim), 0o600);
  assert.deepEqual([Deno.readTextFileSync(path), modeOf(path)], ["new", 0o666]);
});

Deno.test("replaceFile() never writes over a kept file", () => {
  using place = temporaryDirectory();
  const path = `${place.path}/file`;
  const texts = ["0", "1", "2", "3", "4"];
  Deno.writeTextFileSync(path, "0");
  const kept = texts.slice(1).map((text) =>
    replaceFile({ path, text, before: readIfExists(path), keepsOld: true }) ?? ""
  );
  assert.deepEqual(kept.map((each) => Deno.readTextFileSync(each)), texts.slice(0, -1));
});

Deno.test("replaceFile() leaves a file alone that another program has changed", () => {
  using place = temporaryDirectory();
  const path = `${place.path}/file`;
  Deno.writeTextFileSync(path, "changed");
  assert.throws(() => replaceFile({ path, text: "new", before: "old" }), { code: "changed" });
  assert.equal(Deno.readTextFileSync(path), "changed");
  assert.deepEqual(namesIn(place.path), ["file"]);
});

Deno.test("replaceFile() says what cannot be written, and leaves nothing behind", () => {
  using place = temporaryDirectory();
  Deno.writeTextFileSync(`${place.path}/file`, "");
  const path = `${place.path}/file/below`;
  assert.throws(() => replaceFile({ path, text: "new", before: undefined }), {
    code: "io_error",
    message: new RegExp(`^Cannot write ${path}: `),
  });
  assert.deepEqual(namesIn(place.path), ["file"]);
});

Deno.test("readIfExists() refuses what is no text, and a link that leads nowhere", () => {
  using place = temporaryDirectory();
  Deno.writeFileSync(`${place.path}/binary`, Uint8Array.of(0xff, 0xfe));
  Deno.symlinkSync("nowhere", `${place.path}/link`);
  for (const name of ["binary", "link", "."]) {
    assert.throws(() => readIfExists(`${place.path}/${name}`), { code: "io_error" }, name);
  }
});
