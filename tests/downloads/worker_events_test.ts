import assert from "node:assert/strict";
import { API_KEY, TestHub } from "./fixture.ts";
import { ask, PROGRAM } from "./http.ts";

Deno.test("each step of a link's life is an event without its secret", async () => {
  await using test = new TestHub();
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  await ask(link.url);
  await ask(link.url);
  assert.deepEqual(test.events, [
    {
      event: "download_link",
      action: "created",
      token_id: link.tokenId,
      source: "local",
      file_name: "a.txt",
      size: 5,
      expires_at: "2026-03-01T12:05:00.000Z",
    },
    { event: "download_link", action: "claimed", token_id: link.tokenId, address: "127.0.0.1" },
    { event: "download_link", action: "used", token_id: link.tokenId, bytes: 5 },
    { event: "download_link", action: "refused", reason: "unknown", address: "127.0.0.1" },
  ]);
  assert.equal(JSON.stringify([test.events, test.log]).includes(link.token), false);
});

Deno.test("every refusal is an event, of a crowd of them one a minute", async () => {
  await using test = new TestHub();
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  const unknown = link.url.replace(/[^/]+$/, "A".repeat(43));
  for (let n = 0; n < 65; n++) await ask(unknown);
  const reasons = () => test.refusals().map(({ reason }) => reason);
  assert.deepEqual(reasons(), [...Array(60).fill("unknown"), "too many requests"]);
  test.clock.advance(60_000);
  for (let n = 0; n < 65; n++) await ask(unknown);
  assert.equal(reasons().filter((reason) => reason === "too many requests").length, 2);
});

Deno.test("a link whose file has changed is refused with an event each time", async () => {
  await using test = new TestHub();
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  test.write("a.txt", "other");
  for (const _ of [1, 2]) assert.equal((await ask(link.url)).status, 410);
  const refused = { event: "download_link", action: "refused", reason: "changed" };
  assert.deepEqual(
    test.refusals(),
    Array(2).fill({ ...refused, address: "127.0.0.1", token_id: link.tokenId }),
  );
});

Deno.test("what the HTTP API refuses is an event", async () => {
  await using test = new TestHub({ downloads: { apiKey: API_KEY } });
  await test.hub.start();
  const api = `http://127.0.0.1:${test.hub.port}/api/download`;
  const key = { Authorization: `Bearer ${API_KEY}` };
  const generate = async (body: unknown) =>
    (await ask(`${api}/generate`, key, "POST", JSON.stringify(body))).status;
  const statuses = [
    await generate({ session_id: "session-1", file_path: "/etc/passwd" }),
    await generate({ session_id: "another", file_path: "a" }),
    await generate({}),
    (await ask(`${api}/stats?session_id=another`, key)).status,
    (await ask(`${api}/generate`, key)).status,
    (await ask(`${api}/stats`, PROGRAM)).status,
  ];
  assert.deepEqual(statuses, [400, 404, 422, 404, 405, 401]);
  for (let n = statuses.length; n < 65; n++) await ask(`${api}/stats`, key);
  assert.deepEqual(test.refusals().map(({ reason }) => reason), [
    "api outside_directories",
    "api session",
    "api request",
    "api session",
    "api method",
    "api key",
    "too many requests",
  ]);
});

Deno.test("a link that the end of the server meets open has an end too", async () => {
  const test = new TestHub();
  {
    await using _ = test;
    test.write("a.txt", "hello");
    const used = await test.link("a.txt");
    await ask(used.url);
    await test.hub.store.settled();
    await test.link("a.txt");
  }
  assert.deepEqual(test.actions(), ["created", "claimed", "used", "created", "closed"]);
});
