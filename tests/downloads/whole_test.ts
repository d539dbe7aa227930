import assert from "node:assert/strict";
import { CURL, peerTest, UNZIP } from "../peers/require.ts";
import { startPlace } from "../support/places.ts";
import { connectServer } from "../support/server.ts";
import { randomBytes } from "./fixture.ts";
import { ask, BROWSER, PROGRAM } from "./http.ts";
import { outputOf } from "../support/command.ts";
import { until } from "../support/until.ts";

const TOOL = "generate_download_link";

Deno.test("the server makes links to local files, with every step in the audit log", async () => {
  await using place = await startPlace();
  const env = { ...place.env, AUDIT_LOG: `${place.home}/audit.jsonl`, SESSION_ID: "session-7" };
  await using server = await connectServer({ env, cwd: place.directory });
  Deno.writeTextFileSync(`${place.directory}/a.txt`, "hello");
  const link = (await server.call(TOOL, { path: "a.txt" })).data;
  assert.equal(link.success, true);
  const url = String(link.download_url);
  assert.equal((await ask(url, BROWSER)).status, 200);
  assert.equal((await ask(url)).text, "hello");
  await until("the use of the link", async () => {
    const { data } = await server.call("list_download_stats");
    return Object(data.statistics).used_tokens === 1;
  });
  assert.equal((await ask(url)).status, 404);
  const other = (await server.call(TOOL, { path: "a.txt", expiry_minutes: 60 })).data;
  const revoked = await server.call("revoke_download_link", { token_id: other.token_id });
  assert.equal(revoked.isError, false);
  assert.equal((await ask(String(other.download_url))).status, 404);
  const { data: stats } = await server.call("list_download_stats", {});
  assert.deepEqual(stats, {
    session_id: "session-7",
    working_directory: place.directory,
    statistics: { total_tokens: 2, active_tokens: 0, used_tokens: 1, expired_tokens: 1 },
    bytes_served: 5,
    open_links: [],
  });
  const log = Deno.readTextFileSync(`${place.home}/audit.jsonl`);
  const lines: Record<string, unknown>[] = log.trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  const actions = lines.filter(({ event }) => event === "download_link").map((line) => line.action);
  assert.deepEqual(actions, [
    "created",
    "claimed",
    "used",
    "refused",
    "created",
    "revoked",
    "refused",
  ]);
  assert.equal(log.includes(url.slice(-43)), false);
});

Deno.test("the audit log has the end of links that are open when the server stops", async () => {
  await using place = await startPlace();
  const env = { ...place.env, AUDIT_LOG: `${place.home}/audit.jsonl` };
  await using server = await connectServer({ env, cwd: place.directory });
  Deno.writeTextFileSync(`${place.directory}/a.txt`, "hello");
  const ids = [];
  for (let n = 0; n < 20; n++) ids.push((await server.call(TOOL, { path: "a.txt" })).data.token_id);
  await server.end();
  const log = Deno.readTextFileSync(`${place.home}/audit.jsonl`);
  for (const id of ids) assert.match(log, new RegExp(`"closed","token_id":"${id}"`));
});

Deno.test("the server refuses what may not be linked, with code and suggestion", async () => {
  await using place = await startPlace();
  await using server = await connectServer({ env: place.env, cwd: place.directory });
  for (
    const [args, code] of [
      [{ path: "/etc/passwd" }, "outside_directories"],
      [{ path: "../home" }, "invalid_argument"],
      [{ path: "missing" }, "not_found"],
      [{ path: "/no/such/file", source: "host" }, "not_found"],
      [{ path: "a", expiry_minutes: 61 }, "invalid_argument"],
      [{ path: "a", ctid: 101 }, "invalid_argument"],
    ] as const
  ) {
    const { isError, data } = await server.call(TOOL, args);
    assert.equal(isError, true);
    assert.deepEqual([data.success, data.code], [false, code], JSON.stringify(args));
    assert.ok(String(data.suggestion).length > 10);
  }
});

peerTest({
  name: "the server makes links to files and directories of the host",
  peer: [UNZIP, CURL],
  async fn() {
    await using place = await startPlace();
    await using server = await connectServer({ env: { ...place.env }, cwd: place.directory });
    const content = randomBytes(5_000_000);
    const remote = `${place.home}/remote`;
    Deno.mkdirSync(`${remote}/tree/sub/empty`, { recursive: true });
    Deno.writeFileSync(`${remote}/big.bin`, content);
    for (let n = 0; n < 40; n++) Deno.writeTextFileSync(`${remote}/tree/sub/${n}`, `content ${n}`);
    Deno.symlinkSync("/etc/passwd", `${remote}/tree/out`);
    const file = (await server.call(TOOL, { path: `${remote}/big.bin`, source: "host" })).data;
    assert.equal(file.size, content.length, JSON.stringify(file));
    const url = String(file.download_url);
    const part = await ask(url, { ...PROGRAM, Range: "bytes=0-99999" });
    assert.deepEqual([part.status, part.bytes], [206, content.subarray(0, 100_000)]);
    const target = `${place.home}/copy`;
    Deno.writeFileSync(target, part.bytes);
    await outputOf("curl", "-s", "-f", "-A", PROGRAM["User-Agent"], "-C", "-", "-o", target, url);
    assert.deepEqual(Deno.readFileSync(target), new Uint8Array(content));
    const tree = (await server.call(TOOL, { path: `${remote}/tree`, source: "host" })).data;
    assert.match(JSON.stringify(tree.left_out), /"count":1,"names":\["out \(link\)"\]/);
    Deno.writeFileSync(`${place.home}/tree.zip`, (await ask(String(tree.download_url))).bytes);
    await outputOf("unzip", "-q", `${place.home}/tree.zip`, "-d", `${place.home}/out`);
    Deno.removeSync(`${remote}/tree/out`);
    await outputOf("diff", "-r", `${remote}/tree`, `${place.home}/out`);
    Deno.writeTextFileSync(`${remote}/b`, "hello");
    const changed = (await server.call(TOOL, { path: `${remote}/b`, source: "host" })).data;
    Deno.writeTextFileSync(`${remote}/b`, "HELLO");
    assert.equal((await ask(String(changed.download_url))).status, 410);
  },
});
