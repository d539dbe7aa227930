import assert from "node:assert/strict";
import { localSource } from "../../../../src/downloads/worker/sources/local_source.ts";
import { TestHub } from "../../fixture.ts";
import { ask } from "../../http.ts";

const look = (test: TestHub, path: string, maxBytes = 1000) =>
  localSource({
    bounds: test.bounds,
    path,
    maxBytes,
    signal: new AbortController().signal,
    progress: undefined,
  });

Deno.test("localSource() takes relative and absolute paths inside the working directory", async () => {
  await using test = new TestHub();
  const whole = test.write("sub/v1..2.txt", "hello");
  for (const path of ["sub/v1..2.txt", "./sub//v1..2.txt", whole]) {
    const source = await look(test, path);
    assert.deepEqual([source.name, source.size, source.kind], ["v1..2.txt", 5, "file"]);
  }
});

Deno.test("localSource() refuses what is not inside the working directory", async () => {
  await using test = new TestHub();
  Deno.writeTextFileSync(test.outside("secret"), "x");
  Deno.mkdirSync(test.outside("work-too"));
  Deno.writeTextFileSync(test.outside("work-too/secret"), "x");
  Deno.symlinkSync(test.outside("secret"), `${test.directory}/link`);
  Deno.symlinkSync(test.outside("work-too"), `${test.directory}/dir`);
  for (
    const path of [
      test.outside("secret"),
      test.outside("work-too/secret"),
      "/etc/passwd",
      "/nowhere",
      "link",
      "dir/secret",
      "dir",
    ]
  ) {
    await assert.rejects(look(test, path), { code: "outside_directories" }, path);
  }
  for (const path of ["../secret", "sub/../../secret", "..\\secret", ".."]) {
    await assert.rejects(look(test, path), { code: "invalid_argument" }, path);
  }
});

Deno.test("localSource() follows a link that stays inside", async () => {
  await using test = new TestHub();
  test.write("real.txt", "hello");
  Deno.symlinkSync("real.txt", `${test.directory}/link.txt`);
  const source = await look(test, "link.txt");
  assert.deepEqual([source.name, source.size], ["real.txt", 5]);
});

Deno.test("localSource() says what is missing, special or too large", async () => {
  await using test = new TestHub();
  test.write("big", "a".repeat(1001));
  test.write("exact", "a".repeat(1000));
  test.write("tree/a", "a".repeat(500));
  test.write("tree/b/c", "a".repeat(501));
  await new Deno.Command("mkfifo", { args: [`${test.directory}/pipe`] }).output();
  await assert.rejects(look(test, "missing"), { code: "not_found" });
  await assert.rejects(look(test, "a\0b"), { code: "not_found" });
  await assert.rejects(look(test, "pipe"), { code: "not_a_file" });
  await assert.rejects(look(test, "big"), {
    code: "too_large",
    message: "File too large (0.0MB). Maximum allowed size is 0.0MB.",
  });
  await assert.rejects(look(test, "tree"), { code: "too_large" });
  assert.equal((await look(test, "exact")).size, 1000);
  assert.equal((await look(test, "tree", 1001)).size, 1001);
});

Deno.test("localSource() names what a directory's archive leaves out", async () => {
  await using test = new TestHub();
  Deno.writeTextFileSync(test.outside("secret"), "x");
  test.write("tree/real", "hello");
  test.write("tree/sub/deep", "x");
  test.write("beside", "x");
  await new Deno.Command("mkfifo", { args: [`${test.directory}/tree/pipe`] }).output();
  const links = {
    inside: "real",
    out: test.outside("secret"),
    up: "../beside",
    loop: "..",
    dir: "sub",
    dangling: "nowhere",
  };
  for (const [name, target] of Object.entries(links)) {
    Deno.symlinkSync(target, `${test.directory}/tree/${name}`);
  }
  const source = await look(test, "tree");
  assert.equal(source.size, 11);
  assert.deepEqual(source.leftOut, {
    count: 6,
    names: [
      "dangling (cannot be read)",
      "dir (link to a directory)",
      "loop (link that leads out)",
      "out (link that leads out)",
      "pipe (special file)",
      "up (link that leads out)",
    ],
  });
});

Deno.test("a directory that has grown beyond the limit is refused", async () => {
  await using test = new TestHub({ downloads: { maxBytes: 1000 } });
  test.write("tree/a", "a".repeat(900));
  const link = await test.link("tree");
  test.write("tree/b", "b".repeat(900));
  assert.equal((await ask(link.url)).status, 410);
});

Deno.test("a directory that proves too large while it streams is aborted", async () => {
  await using test = new TestHub({ downloads: { maxBytes: 1_000_000 } });
  test.write("tree/a", "a".repeat(900_000));
  const link = await test.link("tree");
  test.write("tree/b", "b".repeat(900_000));
  await assert.rejects(ask(link.url), /reading a body/);
  assert.deepEqual(test.actions(), ["created", "claimed", "interrupted", "changed"]);
});

Deno.test("looking at a large directory can be cancelled", async () => {
  await using test = new TestHub();
  test.write("tree/a", "a");
  const signal = AbortSignal.abort(new Error("cancelled by the test"));
  const request = {
    bounds: test.bounds,
    path: "tree",
    maxBytes: 1000,
    signal,
  };
  await assert.rejects(localSource({ ...request, progress: undefined }), /cancelled by the test/);
});

Deno.test("localSource() links no file of the server itself, alone or in a directory", async () => {
  await using test = new TestHub({ own: [".env", "audit.jsonl"] });
  test.write("config/prod.env", "SSH_PASSWORD=secret");
  test.write("report", "for everybody");
  Deno.symlinkSync("config/prod.env", `${test.directory}/.env`);
  Deno.symlinkSync(".env", `${test.directory}/innocent`);
  Deno.linkSync(`${test.directory}/config/prod.env`, `${test.directory}/hard`);
  for (const path of [".env", "innocent", "hard", "config/prod.env"]) {
    await assert.rejects(test.link(path), { code: "not_permitted" }, path);
  }
  const link = await test.link(".");
  assert.deepEqual(link.leftOut.names, [
    ".env (file of the server itself)",
    "hard (file of the server itself)",
    "innocent (file of the server itself)",
    "config/prod.env (file of the server itself)",
  ]);
  assert.equal(link.size, "for everybody".length);
  // What became one of them after the link was made.
  Deno.linkSync(`${test.directory}/config/prod.env`, `${test.directory}/later`);
  const { text } = await ask(link.url);
  assert.ok(text.includes("for everybody"));
  assert.equal(text.includes("SSH_PASSWORD"), false);
});
