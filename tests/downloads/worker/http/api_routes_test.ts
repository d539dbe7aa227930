import assert from "node:assert/strict";
import { API_KEY, TestHub } from "../../fixture.ts";
import { ask, PROGRAM } from "../../http.ts";

const KEY = { Authorization: `Bearer ${API_KEY}` };

async function started() {
  const test = new TestHub({ downloads: { apiKey: API_KEY, maxBytes: 1000 } });
  await test.hub.start();
  const api = `http://127.0.0.1:${test.hub.port}/api/download`;
  const generate = async (body: unknown, headers: Record<string, string> = KEY) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const answer = await ask(`${api}/generate`, headers, "POST", text);
    return { ...answer, json: JSON.parse(answer.text) };
  };
  return { test, api, generate };
}

Deno.test("POST /api/download/generate makes a link that works", async () => {
  const { test, generate } = await started();
  await using _ = test;
  test.write("output/report.pdf", "hello");
  const request = { session_id: "session-1", file_path: "output/report.pdf", expiry_minutes: 7 };
  const { status, json } = await generate(request);
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(json), [
    "token",
    "download_url",
    "expires_at",
    "file_type",
    "message",
  ]);
  assert.equal(json.download_url.endsWith(`/api/download/${json.token}`), true);
  assert.equal(json.expires_at, "2026-03-01T12:07:00.000Z");
  assert.equal(json.file_type, "file");
  assert.match(
    json.message,
    /^Download link generated successfully!\n\nURL: http.*\nType: file\nExpires: 7 minute/,
  );
  assert.equal((await ask(json.download_url)).text, "hello");
});

Deno.test("POST /api/download/generate refuses without telling what is there", async () => {
  const { test, generate } = await started();
  await using _ = test;
  test.write("big", "a".repeat(1001));
  Deno.writeTextFileSync(test.outside("secret"), "x");
  const refusals = new Set<string>();
  for (const file_path of ["missing", "big", test.outside("secret"), "../secret", "/etc/passwd"]) {
    const { status, text } = await generate({ session_id: "session-1", file_path });
    assert.equal(status, 400, file_path);
    refusals.add(text);
  }
  assert.equal(refusals.size, 1);
  assert.match([...refusals].join(), /Could not create download link\. Please verify:/);
});

Deno.test("POST /api/download/generate checks its body and repeats nothing of it", async () => {
  const { test, generate } = await started();
  await using _ = test;
  test.write("a", "x");
  const good = { session_id: "session-1", file_path: "a" };
  for (const expiry_minutes of [0, 61, 1.5, "5", "<script>"]) {
    const { status, json } = await generate({ ...good, expiry_minutes });
    assert.deepEqual([status, json.detail], [422, "expiry_minutes must be between 1 and 60"]);
  }
  assert.equal((await generate("<script>")).status, 422);
  assert.equal((await generate({ ...good, file_path: "" })).json.detail, "Not valid: file_path");
  const stranger = await generate({ ...good, session_id: "another" });
  assert.deepEqual([stranger.status, stranger.json.detail], [404, "Session not found"]);
});

Deno.test("the HTTP API wants its key", async () => {
  const { test, api, generate } = await started();
  await using _ = test;
  for (const authorization of ["", "Bearer wrong", `Basic ${API_KEY}`, `Bearer ${API_KEY}x`]) {
    const headers = authorization === "" ? PROGRAM : { Authorization: authorization };
    assert.equal((await generate({}, headers)).status, 401);
    const stats = await ask(`${api}/stats`, headers);
    assert.deepEqual([stats.status, stats.headers.get("www-authenticate")?.startsWith("Bearer")], [
      401,
      true,
    ]);
  }
  assert.equal(test.events.filter(({ reason }) => reason === "api key").length, 8);
});

Deno.test("GET /api/download/stats counts the session's links", async () => {
  const { test, api, generate } = await started();
  await using _ = test;
  test.write("a", "x");
  const { json } = await generate({ session_id: "session-1", file_path: "a" });
  await generate({ session_id: "session-1", file_path: "a" });
  await ask(json.download_url);
  for (const query of ["", "?session_id=session-1"]) {
    const { status, text } = await ask(`${api}/stats${query}`, KEY);
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(text), {
      statistics: { total_tokens: 2, active_tokens: 1, used_tokens: 1, expired_tokens: 0 },
    });
  }
  const stranger = await ask(`${api}/stats?session_id=x`, KEY);
  assert.deepEqual([stranger.status, stranger.text], [404, '{"detail":"Session not found"}']);
});

Deno.test("the HTTP API has its methods and its rate", async () => {
  const { test, api } = await started();
  await using _ = test;
  assert.equal((await ask(`${api}/generate`, KEY)).status, 405);
  assert.equal((await ask(`${api}/stats`, KEY, "POST")).status, 405);
  for (let n = 2; n < 60; n++) assert.equal((await ask(`${api}/stats`, KEY)).status, 200);
  const refused = await ask(`${api}/stats`, KEY);
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "60"]);
  test.clock.advance(60_000);
  assert.equal((await ask(`${api}/stats`, KEY)).status, 200);
});

Deno.test("without a key there is no HTTP API", async () => {
  await using test = new TestHub();
  test.write("a", "x");
  const { origin } = new URL((await test.link("a")).url);
  for (const [path, method] of [["generate", "POST"], ["stats", "GET"]] as const) {
    const answer = await ask(`${origin}/api/download/${path}`, KEY, method);
    assert.equal(answer.status, 404);
    assert.equal(answer.text, "Download link not found, expired, or already used");
  }
});
