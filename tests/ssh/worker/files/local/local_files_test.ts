// @process: it changes the umask of this process.
import assert from "node:assert/strict";
import { LocalFiles } from "../../../../../src/ssh/worker/files/local/local_files.ts";
import { PathGuard } from "../../../../../src/local/path_guard.ts";
import { localPathErrors } from "../../../../../src/ssh/worker/files/local/local_errors.ts";
import { openLocalSink } from "../../../../../src/ssh/worker/files/local/local_sink.ts";
import type { Sink, Source } from "../../../../../src/ssh/worker/files/source_sink.ts";
import { temporaryDirectory } from "../../../../support/temporary_directory.ts";

const MANY = 1_000_000_000;

interface Place {
  readonly files: LocalFiles;
  /** The allowed directory. */
  readonly root: string;
  /** A directory next to it with a file `secret`. */
  readonly outside: string;
}

function localTest(name: string, run: (place: Place) => Promise<void>): void {
  Deno.test(name, async () => {
    using place = temporaryDirectory();
    const [root, outside] = [`${place.path}/in`, `${place.path}/out`];
    Deno.mkdirSync(root);
    Deno.mkdirSync(outside);
    Deno.writeTextFileSync(`${outside}/secret`, "secret");
    await run({ files: new LocalFiles({ roots: [root], aliases: [], own: [] }), root, outside });
  });
}

async function readAll(source: Source): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of source.chunks()) text += decoder.decode(chunk, { stream: true });
  await source.close();
  return text;
}

async function store(sink: Sink, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  await sink.write(bytes);
  await sink.commit({ size: bytes.length, sha256: "not looked at here" });
}

const write = async (files: LocalFiles, path: string, text: string, overwrite = false) =>
  await store(await files.openSink(path, { overwrite, mode: undefined }), text);

const modeOf = (path: string) => (Deno.statSync(path).mode ?? 0) & 0o7777;
const namesIn = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();

localTest("LocalFiles starts relative names at its first directory", async ({ files, root }) => {
  Deno.writeTextFileSync(`${root}/f`, "content");
  for (const path of ["f", "./f", `${root}/f`]) {
    assert.equal(await readAll(await files.openSource(path, MANY)), "content");
  }
  await write(files, "g", "new");
  assert.equal(Deno.readTextFileSync(`${root}/g`), "new");
});

localTest(
  "a temporary file never has an old time, for which it would be swept",
  async ({ root }) => {
    const guard = await PathGuard.create({ roots: [root], aliases: [], own: [] }, localPathErrors);
    const options = { overwrite: false, mode: 0o644, mtime: 1_600_000_000 };
    const sink = await openLocalSink(guard, `${root}/f`, "f", options);
    Deno.writeTextFileSync(`${root}/f`, "made meanwhile");
    await assert.rejects(store(sink, "new"), { code: "already_exists" });
    const [temporary = ""] = namesIn(root).filter((name) => name.endsWith(".part"));
    assert.ok((Deno.statSync(`${root}/${temporary}`).mtime?.getTime() ?? 0) > 1_700_000_000_000);
    await sink.discard();
    Deno.removeSync(`${root}/f`);
    const again = await openLocalSink(guard, `${root}/f`, "f", options);
    await store(again, "new");
    await again.discard();
    assert.equal(Deno.statSync(`${root}/f`).mtime?.getTime(), 1_600_000_000_000);
    assert.deepEqual(namesIn(root), ["f"]);
  },
);

const BAD: readonly (readonly [string, string])[] = [
  ["", "invalid_argument"],
  ["a\0b", "invalid_argument"],
  ["../out/secret", "invalid_argument"],
  ["a/../../out/secret", "invalid_argument"],
  ["..\\out\\secret", "invalid_argument"],
  ["..", "invalid_argument"],
];

for (const [path, code] of BAD) {
  localTest(`LocalFiles refuses the path ${JSON.stringify(path)}`, async ({ files }) => {
    await assert.rejects(files.openSource(path, MANY), { code });
    await assert.rejects(files.openSink(path, { overwrite: true, mode: undefined }), { code });
  });
}

localTest("LocalFiles writes no file where a path names a directory", async ({ files, root }) => {
  Deno.mkdirSync(`${root}/there`);
  const paths = ["new/", "new//", "a/b/", "./new/", "there/", `${root}/new/`];
  for (const path of paths) {
    await assert.rejects(files.openSink(path, { overwrite: true, mode: undefined }), {
      code: "invalid_argument",
      message: `Cannot write ${path}: the path ends in a slash`,
    });
  }
  for (const path of [".", "there", root]) {
    await assert.rejects(files.openSink(path, { overwrite: true, mode: undefined }), {
      code: "is_directory",
    });
  }
  assert.deepEqual(namesIn(root), ["there"]);
});

localTest("LocalFiles takes two dots within a name for a name", async ({ files, root }) => {
  await write(files, "v1..2", "x");
  await write(files, "...", "y");
  assert.deepEqual(namesIn(root), ["...", "v1..2"]);
});

localTest(
  "LocalFiles refuses what is outside, whichever way leads there",
  async ({ files, root, outside }) => {
    Deno.symlinkSync(`${outside}/secret`, `${root}/file`);
    Deno.symlinkSync("../out/secret", `${root}/relative`);
    Deno.symlinkSync(outside, `${root}/folder`);
    Deno.symlinkSync(`${root}/folder`, `${root}/twice`);
    Deno.symlinkSync(`${outside}/none`, `${root}/dangling`);
    const refused = { code: "outside_directories" };
    const reads = ["file", "relative", "folder/secret", "twice/secret", `${outside}/secret`];
    for (const path of reads) await assert.rejects(files.openSource(path, MANY), refused, path);
    const writes = [
      ...reads,
      "dangling",
      "folder/new",
      "twice/new",
      "folder/a/b",
      `${outside}/new`,
    ];
    for (const path of writes) {
      for (const overwrite of [true, false]) {
        await assert.rejects(files.openSink(path, { overwrite, mode: undefined }), refused, path);
      }
    }
    assert.deepEqual(namesIn(outside), ["secret"]);
    assert.equal(Deno.readTextFileSync(`${outside}/secret`), "secret");
  },
);

localTest(
  "LocalFiles refuses a directory whose name only starts like an allowed one",
  async ({ files, root }) => {
    Deno.mkdirSync(`${root}side`);
    Deno.writeTextFileSync(`${root}side/f`, "x");
    await assert.rejects(files.openSource(`${root}side/f`, MANY), { code: "outside_directories" });
  },
);

localTest("LocalFiles follows links that stay inside, and keeps them", async ({ files, root }) => {
  Deno.mkdirSync(`${root}/deep`);
  Deno.writeTextFileSync(`${root}/deep/f`, "old");
  Deno.symlinkSync(`${root}/deep/f`, `${root}/link`);
  assert.equal(await readAll(await files.openSource("link", MANY)), "old");
  await write(files, "link", "new", true);
  assert.equal(Deno.lstatSync(`${root}/link`).isSymlink, true);
  assert.equal(Deno.readTextFileSync(`${root}/deep/f`), "new");
});

localTest(
  "LocalFiles reports missing files, directories and special files",
  async ({ files, root }) => {
    Deno.mkdirSync(`${root}/d`);
    await new Deno.Command("mkfifo", { args: [`${root}/fifo`] }).output();
    const cases = [["none", "not_found"], ["d", "is_directory"], ["fifo", "not_a_file"]] as const;
    for (const [path, code] of cases) {
      await assert.rejects(files.openSource(path, MANY), { code }, path);
    }
    for (const path of ["d", "fifo"]) {
      const code = path === "d" ? "is_directory" : "not_a_file";
      await assert.rejects(files.openSink(path, { overwrite: true, mode: undefined }), { code });
    }
  },
);

localTest(
  "LocalFiles refuses a file that is too large, before it is read",
  async ({ files, root }) => {
    Deno.writeFileSync(`${root}/f`, new Uint8Array(3 * 1_048_576));
    await assert.rejects(files.openSource("f", 2 * 1_048_576), {
      code: "too_large",
      message: "File too large (3.0MB). Maximum allowed size is 2.0MB.",
    });
    await (await files.openSource("f", 3 * 1_048_576)).close();
  },
);

localTest("LocalFiles leaves an existing file alone without overwrite", async ({ files, root }) => {
  Deno.writeTextFileSync(`${root}/f`, "old");
  const code = "already_exists";
  await assert.rejects(write(files, "f", "new"), { code });
  assert.equal(Deno.readTextFileSync(`${root}/f`), "old");
  assert.deepEqual(namesIn(root), ["f"]);
});

localTest(
  "LocalFiles does not replace a file that appears while it writes",
  async ({ files, root }) => {
    const sink = await files.openSink("f", { overwrite: false, mode: undefined });
    Deno.writeTextFileSync(`${root}/f`, "somebody else's");
    await assert.rejects(store(sink, "mine"), { code: "already_exists" });
    await sink.discard();
    assert.equal(Deno.readTextFileSync(`${root}/f`), "somebody else's");
    assert.deepEqual(namesIn(root), ["f"]);
  },
);

localTest(
  "LocalFiles sets the name of a file only when it is complete, and nobody can read it before",
  async ({ files, root }) => {
    const sink = await files.openSink("f", { overwrite: false, mode: 0o644 });
    await sink.write(new TextEncoder().encode("half"));
    const [temporary, ...others] = namesIn(root);
    assert.deepEqual(others, []);
    assert.match(temporary ?? "", /^\.f\.[0-9a-f]+\.part$/);
    assert.equal(modeOf(`${root}/${temporary}`), 0o600);
    await sink.commit({ size: 4, sha256: "" });
    assert.deepEqual(namesIn(root), ["f"]);
    assert.equal(modeOf(`${root}/f`), 0o644);
  },
);

localTest(
  "LocalFiles keeps the mode of the file it replaces, else uses the umask's",
  async ({ files, root }) => {
    const umask = Deno.umask(0o027);
    try {
      await write(files, "new", "x");
    } finally {
      Deno.umask(umask);
    }
    assert.equal(modeOf(`${root}/new`), 0o640);
    Deno.writeTextFileSync(`${root}/old`, "x");
    Deno.chmodSync(`${root}/old`, 0o751);
    await write(files, "old", "y", true);
    assert.equal(modeOf(`${root}/old`), 0o751);
  },
);

localTest(
  "LocalFiles leaves nothing behind after discard()",
  async ({ files, root }) => {
    const sink = await files.openSink("a/b/f", { overwrite: false, mode: undefined });
    await sink.write(new Uint8Array(10));
    await sink.discard();
    assert.deepEqual(namesIn(`${root}/a/b`), []);
  },
);

localTest(
  "LocalFiles refuses to rename a file of the wrong size",
  async ({ files, root }) => {
    const sink = await files.openSink("f", { overwrite: false, mode: undefined });
    await sink.write(new Uint8Array(10));
    await assert.rejects(sink.commit({ size: 11, sha256: "" }), { code: "verification_failed" });
    await sink.discard();
    assert.deepEqual(namesIn(root), []);
  },
);

localTest("LocalFiles takes names of 255 bytes", async ({ files, root }) => {
  for (const name of ["x".repeat(255), "ü".repeat(127), `${"€".repeat(85)}`]) {
    await write(files, name, "x");
    assert.deepEqual(namesIn(root), [name]);
    Deno.removeSync(`${root}/${name}`);
  }
});

localTest("LocalFiles makes missing directories", async ({ files, root }) => {
  await write(files, "a/b/c/f", "x");
  assert.equal(Deno.readTextFileSync(`${root}/a/b/c/f`), "x");
});

localTest("LocalFiles reads a part of a file", async ({ files, root }) => {
  Deno.writeTextFileSync(`${root}/f`, "0123456789");
  const part = async (start: number, end?: number) => {
    const range = end === undefined ? { start } : { start, end };
    return await readAll(await files.openSource("f", MANY, range));
  };
  assert.deepEqual(
    [await part(0, 3), await part(7), await part(3, 4), await part(10), await part(4, 99)],
    ["012", "789", "3", "", "456789"],
  );
});
