import assert from "node:assert/strict";
import { LocalFiles } from "../../src/ssh/worker/files/local/local_files.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const MANY = 1_000_000_000;
const BYTES = new TextEncoder().encode("content");
const FINISHED = { size: BYTES.length, sha256: "not looked at here" };
const namesIn = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();
const modeOf = (path: string) => (Deno.statSync(path).mode ?? 0) & 0o7777;

interface Place {
  readonly files: LocalFiles;
  readonly root: string;
  readonly outside: string;
}

/** The server's own files are `.env`, which exists, and `audit.jsonl`, which does not. */
function attackTest(name: string, run: (place: Place) => Promise<void>): void {
  Deno.test(name, async () => {
    using place = temporaryDirectory();
    const [root, outside] = [`${place.path}/in`, `${place.path}/out`];
    Deno.mkdirSync(root);
    Deno.mkdirSync(outside);
    Deno.writeTextFileSync(`${root}/.env`, "SSH_PASSWORD=correct horse");
    const own = [`${root}/.env`, `${root}/audit.jsonl`];
    const files = new LocalFiles({ roots: [root], aliases: [], own });
    await run({ files, root, outside });
  });
}

const OWN = { code: "not_permitted", message: /a file of the server itself/ };
const REPLACE = { overwrite: true, mode: undefined };

attackTest("LocalFiles does not read the server's own files", async ({ files, root }) => {
  Deno.symlinkSync(".env", `${root}/link`);
  Deno.linkSync(`${root}/.env`, `${root}/hard`);
  for (const path of [".env", "./.env", `${root}/.env`, "link", "hard"]) {
    await assert.rejects(files.openSource(path, MANY), OWN, path);
    await assert.rejects(files.facts(path), OWN, path);
  }
});

attackTest("LocalFiles does not write the server's own files", async ({ files, root }) => {
  Deno.symlinkSync(".env", `${root}/link`);
  for (const path of [".env", "link", "audit.jsonl", `${root}//audit.jsonl`]) {
    await assert.rejects(files.openSink(path, REPLACE), OWN, path);
  }
  assert.deepEqual(namesIn(root), [".env", "link"]);
});

attackTest("LocalFiles takes files that are only called alike", async ({ files, root }) => {
  Deno.mkdirSync(`${root}/app`);
  Deno.writeTextFileSync(`${root}/app/.env`, "x");
  await (await files.openSource("app/.env", MANY)).close();
  await (await files.openSink("app/audit.jsonl", REPLACE)).discard();
});

attackTest("LocalFiles makes a file that nobody else may open, ever", async ({ files, root }) => {
  const watcher = Deno.watchFs(root);
  const seen: number[] = [];
  const watching = (async () => {
    for await (const { paths } of watcher) {
      for (const path of paths) {
        // The empty probe file for the umask never has content.
        const info = await Deno.stat(path).catch(() => undefined);
        if (info && info.size > 0) seen.push((info.mode ?? 0) & 0o777);
      }
    }
  })();
  const sink = await files.openSink("secret", { overwrite: false, mode: 0o600 });
  const [name = ""] = namesIn(root).filter((each) => each.endsWith(".part"));
  assert.equal(modeOf(`${root}/${name}`), 0o600);
  await sink.write(BYTES);
  await sink.commit(FINISHED);
  watcher.close();
  await watching;
  assert.deepEqual(seen.filter((mode) => mode !== 0o600), []);
});

attackTest(
  "LocalFiles uses the umask for a new file's mode all the same",
  async ({ files, root }) => {
    Deno.writeTextFileSync(`${root}/usual`, "");
    const sink = await files.openSink("new", { overwrite: false, mode: undefined });
    await sink.write(BYTES);
    await sink.commit(FINISHED);
    assert.equal(modeOf(`${root}/new`), modeOf(`${root}/usual`));
    assert.deepEqual(namesIn(root), [".env", "new", "usual"]);
  },
);

attackTest(
  "LocalFiles sets no mode through a link that replaces its temporary file",
  async ({ files, root, outside }) => {
    Deno.writeTextFileSync(`${outside}/key`, "secret", { mode: 0o600 });
    for (const content of ["link", "file"]) {
      const sink = await files.openSink("f", { overwrite: true, mode: 0o644 });
      await sink.write(BYTES);
      const [name = ""] = namesIn(root).filter((each) => each.endsWith(".part"));
      Deno.removeSync(`${root}/${name}`);
      if (content === "link") Deno.symlinkSync(`${outside}/key`, `${root}/${name}`);
      else Deno.writeTextFileSync(`${root}/${name}`, "not the content");
      await assert.rejects(sink.commit(FINISHED));
      await sink.discard();
      assert.equal(modeOf(`${outside}/key`), 0o600);
      assert.deepEqual(namesIn(root), [".env"]);
    }
  },
);

attackTest("LocalFiles does not keep setuid on what it downloads", async ({ files, root }) => {
  Deno.writeTextFileSync(`${root}/tool`, "old");
  Deno.chmodSync(`${root}/tool`, 0o4755);
  const sink = await files.openSink("tool", REPLACE);
  await sink.write(BYTES);
  await sink.commit(FINISHED);
  assert.equal(modeOf(`${root}/tool`), 0o755);
});

attackTest(
  "LocalFiles leaves no file outside when a directory becomes a link during a write",
  async ({ files, root, outside }) => {
    Deno.mkdirSync(`${root}/sub`);
    const open = Deno.open;
    let turns = 0;
    // At the worst moment: after all checks of the path, before the file is created.
    Deno.open = ((...args: Parameters<typeof Deno.open>) => {
      if (args[1]?.mode === 0o600 && turns++ === 0) {
        Deno.renameSync(`${root}/sub`, `${root}/away`);
        Deno.symlinkSync(outside, `${root}/sub`);
      }
      return open(...args);
    }) as typeof Deno.open;
    try {
      await assert.rejects(files.openSink("sub/f", { overwrite: false, mode: 0o644 }), {
        code: "changed",
      });
      assert.equal(turns, 1);
    } finally {
      Deno.open = open;
    }
    assert.deepEqual(namesIn(outside), []);
  },
);
