import assert from "node:assert/strict";
import fc from "../../support/property.ts";
import { zipArchive } from "../../../src/downloads/worker/archive/zip_archive.ts";
import { ArchiveNames, safeFileName } from "../../../src/downloads/worker/safe_names.ts";
import { pure } from "../../support/pure.ts";

/** What becomes of names; one with a slash at its end is a directory's. */
function placed(...paths: readonly string[]): (string | undefined)[] {
  const names = new ArchiveNames();
  return paths.map((path) =>
    path.endsWith("/")
      ? names.place({ path: path.slice(0, -1), kind: "directory" })
      : names.place({ path, kind: "file" })
  );
}

pure("ArchiveNames keeps every name below the directory it is unpacked in", () => {
  const names = {
    "..\\..\\evil.bat": ".._.._evil.bat",
    "C:\\x": "C__x",
    "C:/y": "C_/y",
    "/etc/passwd": "etc/passwd",
    "../../a/./../b": "a/b",
    "sub/.. /e": "sub/___/e",
    "...": "___",
    "..": "_",
    "a\u0000b\nc\u001bd\u009b": "a_b_c_d_",
    "photo\u202egnp.exe": "photo_gnp.exe",
    "ünï/目录 😀.txt": "ünï/目录 😀.txt",
    ".profile": ".profile",
  };
  assert.deepEqual(placed(...Object.keys(names)), Object.values(names));
});

pure("ArchiveNames numbers the later of two names that become the same", () => {
  assert.deepEqual(placed("a:b.txt", "a\\b.txt", "a_b (2).txt", "a_b.txt", ".x", ".x"), [
    "a_b.txt",
    "a_b (2).txt",
    "a_b (2) (2).txt",
    "a_b (3).txt",
    ".x",
    ".x (2)",
  ]);
});

pure("ArchiveNames joins directories, and moves their members along with them", () => {
  assert.deepEqual(placed("d:/", "d:/x", "d_/", "d_/x", "d_/y"), [
    "d_",
    "d_/x",
    undefined,
    "d_/x (2)",
    "d_/y",
  ]);
  assert.deepEqual(placed("f_", "f:/", "f:/g:/", "f:/g:/x", "../../", "../y"), [
    "f_",
    "f_ (2)",
    "f_ (2)/g_",
    "f_ (2)/g_/x",
    undefined,
    "y",
  ]);
});

pure("ArchiveNames knows each of a hundred thousand names again, and no other", () => {
  const names = new ArchiveNames();
  const place = (n: number) => names.place({ path: `directory/name ${n}.txt`, kind: "file" });
  for (let n = 0; n < 100_000; n++) assert.equal(place(n), `directory/name ${n}.txt`);
  for (let n = 0; n < 100_000; n++) assert.equal(place(n), `directory/name ${n} (2).txt`);
});

pure("ArchiveNames never returns a dangerous name, nor one twice", () => {
  const part = fc.oneof(fc.constantFrom("..", ".", "", "a", "a:", "a\\", ".. "), fc.string());
  const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
  fc.assert(fc.property(fc.array(path, { maxLength: 20 }), (paths) => {
    const names = placed(...paths).filter((name) => name !== undefined);
    assert.equal(new Set(names).size, names.length);
    for (const name of names) {
      // deno-lint-ignore no-control-regex -- they are what must not be there
      assert.doesNotMatch(name, /[\\:\u0000-\u001f]/);
      for (const part of name.split("/")) assert.doesNotMatch(part, /^(\.*[. ]*)$/);
    }
  }));
});

pure("zipArchive() writes the cleaned names, in both of their places", async () => {
  async function* entries() {
    for (const path of ["..\\..\\evil.bat", "../up", "up"]) {
      const facts = { kind: "file", size: 0, mtimeMs: 0, mode: 0o644 } as const;
      yield await Promise.resolve({ ...facts, path, content: async function* () {} });
    }
  }
  let text = "";
  for await (const chunk of zipArchive(entries())) text += new TextDecoder("latin1").decode(chunk);
  for (const name of [".._.._evil.bat", "up (2)"]) assert.equal(text.split(name).length, 3, name);
  assert.equal(text.includes("..\\"), false);
  assert.equal(text.includes("../../"), false);
});

pure(
  "safeFileName() leaves no separators, control characters or text direction tricks",
  () => {
    assert.equal(safeFileName("a/b\\c\r\nd\u0000e"), "a_b_c__d_e");
    assert.equal(safeFileName("photo\u202egnp.exe"), "photo_gnp.exe");
    assert.equal(safeFileName("a\u200eb\u200fc\u2066d\u2069e\u061cf"), "a_b_c_d_e_f");
    assert.equal(safeFileName(".."), "download");
    assert.equal(safeFileName(""), "download");
    assert.equal(safeFileName("目录 😀.txt"), "目录 😀.txt");
  },
);
