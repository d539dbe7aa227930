import assert from "node:assert/strict";
import { RemoteExecError } from "../../../src/errors.ts";
import { FakeFiles } from "../fake_files.ts";
import { TestHub } from "../fixture.ts";
import { ask, PROGRAM } from "../http.ts";

const ON_HOST = { kind: "host", path: "/a" } as const;

Deno.test("views of a link whose host is down fill neither the log nor the audit log", async () => {
  using files = new FakeFiles();
  await using test = new TestHub({ files: files.port });
  files.file("/a", "hello");
  const { url } = await test.create({ from: ON_HOST, expiryMs: 3_600_000 });
  test.log.length = 0;
  files.failure = new RemoteExecError("unreachable", "No answer", "Wait");
  for (let n = 0; n < 50; n++) assert.equal((await ask(url)).status, 503);
  assert.deepEqual(test.actions(), ["created", "claimed", "unavailable", "released"]);
  assert.deepEqual(test.log, [
    "[warn] a linked file could not be opened: unreachable: No answer\n",
  ]);
  test.clock.advance(60_000);
  for (let n = 0; n < 50; n++) await ask(url);
  assert.equal(test.log.length, 2);
  assert.match(
    test.log[1] ?? "",
    /^\[warn\] a linked file could not be opened \(and 49 times before\): /,
  );
  const later = test.events.slice(4);
  assert.deepEqual(later.map(({ action, repeated }) => [action, repeated]), [
    ["claimed", 49],
    ["claimed", undefined],
    ["unavailable", 49],
    ["unavailable", undefined],
    ["released", 49],
    ["released", undefined],
  ]);
  assert.ok(later.every(({ code }) => code === undefined || code === "unreachable"));
});

Deno.test("the audit log has each claim that got the content, and all counts before the end of a link", async () => {
  using files = new FakeFiles();
  await using test = new TestHub({ files: files.port });
  files.file("/a", "hello");
  const { url } = await test.create({ from: ON_HOST, expiryMs: 3_600_000 });
  files.failure = new RemoteExecError("unreachable", "No answer", "Wait");
  for (let n = 0; n < 3; n++) await ask(url);
  files.failure = undefined;
  assert.equal((await ask(url, { ...PROGRAM, "User-Agent": "wget" })).text, "hello");
  await test.hub.store.settled();
  assert.deepEqual(test.events.slice(4).map(({ action, repeated }) => [action, repeated]), [
    ["claimed", 3],
    ["unavailable", 2],
    ["released", 2],
    ["used", undefined],
  ]);
});

Deno.test("a client that takes a file byte by byte does not fill the audit log", async () => {
  await using test = new TestHub();
  test.write("a.bin", "hello");
  const { store } = test.hub;
  const link = store.find((await test.link("a.bin")).token);
  assert.ok(link);
  for (let n = 0; n < 80; n++) store.journal.note(link, "part_delivered", { bytes: 2 });
  await test.hub.close();
  const parts = test.events.filter(({ action }) => action === "part_delivered");
  assert.equal(parts.length, 61);
  assert.deepEqual([parts.at(-1)?.repeated, parts.at(-1)?.bytes], [20, 40]);
  assert.equal(test.actions().at(-1), "closed");
});
