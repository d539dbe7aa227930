import assert from "node:assert/strict";
import { randomBytes, TestHub } from "./fixture.ts";
import { ask, BROWSER, PROGRAM } from "./http.ts";

Deno.test("a file that changed after its link was made is refused with the reason", async () => {
  await using test = new TestHub();
  const changes: Record<string, (path: string) => void> = {
    "other content": (path) => Deno.writeTextFileSync(path, "other"),
    "same length and time": (path) => {
      const { mtime } = Deno.statSync(path);
      Deno.writeTextFileSync(path, "HELLO");
      Deno.utimeSync(path, mtime ?? new Date(), mtime ?? new Date());
    },
    "another file in its place": (path) => {
      Deno.writeTextFileSync(`${path}.new`, "hello");
      Deno.renameSync(`${path}.new`, path);
    },
    "removed": (path) => Deno.removeSync(path),
    "a directory": (path) => {
      Deno.removeSync(path);
      Deno.mkdirSync(path);
    },
    "a link to a secret": (path) => {
      Deno.writeTextFileSync(test.outside("secret"), "hello");
      Deno.removeSync(path);
      Deno.symlinkSync(test.outside("secret"), path);
    },
  };
  for (const [name, change] of Object.entries(changes)) {
    const path = test.write(`${name}/a.txt`, "hello");
    const link = await test.link(`${name}/a.txt`);
    change(path);
    const text = await ask(link.url);
    assert.equal(text.status, 410, name);
    assert.match(text.text, /has changed or is gone/);
    const page = await ask(link.url, BROWSER);
    assert.equal(page.status, 410, name);
    assert.match(page.text, /The file has changed/);
    assert.equal((await ask(link.url, BROWSER, "POST")).status, 410, name);
    assert.equal((await ask(link.url, PROGRAM, "HEAD")).status, 410, name);
  }
  const count = Object.keys(changes).length;
  const { statistics } = test.hub.store.report();
  assert.deepEqual(statistics, { total: count, active: 0, used: count, expired: 0 });
});

Deno.test("a directory of the path that became a link out of the working directory is refused", async () => {
  await using test = new TestHub();
  test.write("sub/a.txt", "hello");
  const link = await test.link("sub/a.txt");
  const tree = await test.link("sub");
  Deno.renameSync(`${test.directory}/sub`, test.outside("moved"));
  Deno.symlinkSync(test.outside("moved"), `${test.directory}/sub`);
  assert.equal((await ask(link.url)).status, 410);
  assert.equal((await ask(tree.url)).status, 410);
});

Deno.test("a file that is written to while it is downloaded is not completed", async () => {
  await using test = new TestHub();
  const path = test.write("big.bin", randomBytes(30_000_000));
  const link = await test.link("big.bin");
  const response = await fetch(link.url, { headers: PROGRAM });
  const reader = response.body?.getReader();
  await reader?.read();
  Deno.writeFileSync(path, randomBytes(30_000_000));
  await assert.rejects(async () => {
    while (!(await reader?.read())?.done);
  });
  assert.deepEqual(test.actions(), ["created", "claimed", "interrupted", "changed"]);
});
