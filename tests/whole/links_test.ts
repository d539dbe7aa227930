import assert from "node:assert/strict";
import { ask, BROWSER, PROGRAM } from "../downloads/http.ts";
import { content } from "../fakes/ssh_host_client.ts";
import { startSshHost } from "../fakes/ssh_host.ts";
import { privateKeyOf } from "../fakes/ssh_host_keys.ts";
import { CURL, peerTest, UNZIP } from "../peers/require.ts";
import { type Place, startPlace } from "../support/places.ts";
import { type Connected, connectServer } from "../support/server.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { freePort } from "../support/free_port.ts";
import { until } from "../support/until.ts";

const PREVIEWS = [
  "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
  "TelegramBot (like TwitterBot)",
  "WhatsApp/2.23.20.0",
  "facebookexternalhit/1.1",
];

type LinksTest = (server: Connected, place: Place) => Promise<void>;

function linksTest(name: string, run: LinksTest, env: Record<string, string> = {}): void {
  Deno.test(name, () => withServer(run, env));
}

async function withServer(run: LinksTest, env: Record<string, string> = {}): Promise<void> {
  await using place = await startPlace();
  await using server = await connectServer({
    env: { ...place.env, ...env },
    cwd: place.directory,
  });
  await run(server, place);
}

/** Makes a link. */
async function link(
  server: Connected,
  args: Record<string, unknown>,
): Promise<Record<string, unknown> & { url: string }> {
  const { data, text, isError } = await server.call("generate_download_link", args);
  assert.equal(isError, false, text);
  return { ...data, url: String(data.download_url) };
}

linksTest(
  "a link to a local file survives previews, is good once, and is counted",
  async (server, place) => {
    const bytes = content(1_000_001);
    Deno.writeFileSync(`${place.directory}/report 名.pdf`, bytes);
    const { url, token_id, size } = await link(server, { path: "report 名.pdf" });
    assert.equal(size, bytes.length);
    for (const agent of PREVIEWS) {
      const { status, headers } = await ask(url, { ...PROGRAM, "User-Agent": agent });
      assert.deepEqual([status, headers.get("content-type")?.split(";")[0]], [200, "text/html"]);
    }
    assert.equal((await ask(url, BROWSER)).headers.get("content-disposition"), null);
    const got = await ask(url, BROWSER, "POST");
    assert.ok(bytes.equals(got.bytes));
    assert.match(got.headers.get("content-disposition") ?? "", /filename\*=UTF-8''report%20%E5/);
    await until("the use of the link", async () => {
      const { data } = await server.call("list_download_stats");
      return Object(data.statistics).used_tokens === 1;
    });
    const again = await ask(url);
    assert.equal(again.status, 404);
    const unknown = await ask(url.replace(/[^/]+$/, "x".repeat(43)));
    assert.deepEqual([unknown.status, unknown.text], [404, again.text]);
    const { data } = await server.call("list_download_stats");
    assert.deepEqual(data.statistics, {
      total_tokens: 1,
      active_tokens: 0,
      used_tokens: 1,
      expired_tokens: 0,
    });
    assert.doesNotMatch(JSON.stringify(data), new RegExp(`${url.split("/").at(-1)}`));
    const { data: revoked } = await server.call("revoke_download_link", { token_id });
    assert.equal(revoked.code, "not_found");
  },
);

linksTest("a revoked link is dead", async (server, place) => {
  Deno.writeTextFileSync(`${place.directory}/f`, "x");
  const { url, token_id } = await link(server, { path: "f" });
  const { isError } = await server.call("revoke_download_link", { token_id });
  assert.equal(isError, false);
  assert.equal((await ask(url)).status, 404);
});

linksTest("a link leads to nothing outside WORKING_DIRECTORY", async (server, place) => {
  Deno.writeTextFileSync(`${place.home}/secret`, "secret content");
  Deno.symlinkSync(`${place.home}/secret`, `${place.directory}/innocent`);
  for (const path of ["innocent", `${place.home}/secret`, "../home/secret", "/etc/passwd", "no"]) {
    const { isError, text } = await server.call("generate_download_link", { path });
    assert.equal(isError, true, path);
    assert.doesNotMatch(text, /secret content/);
  }
  // The path was a file when the link was made; now it is a symbolic link to the outside.
  Deno.writeTextFileSync(`${place.directory}/later`, "fine");
  const { url } = await link(server, { path: "later" });
  Deno.removeSync(`${place.directory}/later`);
  Deno.symlinkSync(`${place.home}/secret`, `${place.directory}/later`);
  const { status, text } = await ask(url);
  assert.equal(status, 410);
  assert.doesNotMatch(text, /secret content/);
});

Deno.test("no tool hands out the file of variables, whatever links lead to it", async () => {
  await using place = await startPlace();
  const { directory, home } = place;
  Deno.mkdirSync(`${directory}/config`);
  Deno.writeTextFileSync(`${directory}/config/prod.env`, "LOG_LEVEL=debug");
  Deno.symlinkSync("config/prod.env", `${directory}/.env`);
  Deno.symlinkSync(directory, `${home}/work`);
  Deno.writeTextFileSync(`${directory}/my.env`, "TIMEOUT=5");
  const args = ["--env-file", `${home}/work/my.env`];
  const env = { ...place.env, WORKING_DIRECTORY: `${home}/work` };
  await using server = await connectServer({ env, cwd: directory, args });
  for (const path of [".env", "config/prod.env", "my.env"]) {
    const { isError, data } = await server.call("generate_download_link", { path });
    assert.deepEqual([isError, data.code], [true, "not_permitted"], path);
    const upload = { local_path: path, remote_path: `${place.host.directory}/copy` };
    const copied = await server.call("ssh_upload_file", upload);
    assert.deepEqual([copied.isError, copied.data.code], [true, "not_permitted"], path);
  }
});

linksTest(
  "a link reaches a file on the host, in parts too, and notices when it changes",
  async (server, place) => {
    const bytes = content(700_001);
    const path = `${place.host.directory}/a b.log`;
    Deno.writeFileSync(path, bytes);
    const { url, sha256 } = await link(server, { path, source: "host" });
    const first = await ask(url, { ...PROGRAM, Range: "bytes=0-99999" });
    const rest = await ask(url, { ...PROGRAM, Range: "bytes=100000-" });
    assert.deepEqual([first.status, rest.status], [206, 206]);
    assert.ok(bytes.subarray(0, 100_000).equals(first.bytes));
    assert.ok(bytes.subarray(100_000).equals(rest.bytes));
    assert.equal(first.headers.get("etag"), `"${sha256}"`);
    const changed = await link(server, { path, source: "host" });
    Deno.writeFileSync(path, content(700_002));
    assert.equal((await ask(changed.url)).status, 410);
    const { data } = await server.call("generate_download_link", {
      path: `${path}.none`,
      source: "host",
    });
    assert.equal(data.code, "not_found");
  },
);

Deno.test("an absolute path may go through links in WORKING_DIRECTORY as it is set", async () => {
  await using place = await startPlace();
  const { directory, home } = place;
  Deno.symlinkSync(directory, `${home}/shortcut`);
  Deno.writeTextFileSync(`${directory}/a.txt`, "hello");
  const env = { ...place.env, WORKING_DIRECTORY: `${home}/shortcut/` };
  await using server = await connectServer({ env, cwd: home });
  const { url } = await link(server, { path: `${home}/shortcut/a.txt` });
  assert.equal((await ask(url)).text, "hello");
  const remote_path = `${place.host.directory}/copy`;
  const up = { local_path: `${home}/shortcut/a.txt`, remote_path };
  assert.equal((await server.call("ssh_upload_file", up)).isError, false);
  const down = { remote_path, local_path: `${home}/shortcut/new/b.txt` };
  assert.equal((await server.call("ssh_download_file", down)).isError, false);
  assert.equal(Deno.readTextFileSync(`${directory}/new/b.txt`), "hello");
  const beside = await server.call("generate_download_link", { path: `${home}/shortcuts` });
  assert.equal(beside.data.code, "outside_directories");
});

linksTest("making a link tells how far it has come", async (server, place) => {
  Deno.writeFileSync(`${place.directory}/big`, new Uint8Array(10_000_000));
  Deno.writeTextFileSync(`${place.host.directory}/f`, "x");
  const calls = [
    { path: "big" },
    { path: `${place.host.directory}/f`, source: "host" },
    { path: place.host.directory, source: "host" },
  ];
  for (const args of calls) {
    const before = server.server.progress.length;
    await server.call("generate_download_link", args, { onprogress: () => {} });
    const steps = server.server.progress.slice(before).map(({ message }) => message);
    assert.match(steps.join(), /bytes checked|0 seconds of work on the host/, JSON.stringify(args));
  }
});

Deno.test("a host that does not answer is told, uses nothing up, and the link works afterwards", async () => {
  using files = temporaryDirectory();
  const bytes = content(300_001);
  const path = `${files.path}/f`;
  Deno.writeFileSync(path, bytes);
  // The host restarts with the same key.
  const options = { hostKeys: [{ privateKey: privateKeyOf("ed25519") }], port: freePort() };
  await using place = await startPlace(options);
  await using server = await connectServer({ env: place.env, cwd: place.directory });
  const { url } = await link(server, { path, source: "host" });
  await place.host.close();
  const refused = await ask(url);
  assert.equal(refused.status, 503);
  assert.ok(refused.headers.get("retry-after"));
  const making = await server.call("generate_download_link", { path, source: "host" });
  assert.deepEqual([making.isError, making.data.code], [true, "unreachable"]);
  await using _host = await startSshHost({ ...options, port: place.host.port });
  assert.ok(bytes.equals((await ask(url)).bytes));
  assert.equal((await ask(url)).status, 404);
});

peerTest({
  name: "a link to a local or remote directory returns an archive that unzip can test",
  peer: [UNZIP, CURL],
  fn: () =>
    withServer(async (server, place) => {
      for (const [source, root] of Object.entries(roots(place))) {
        const directory = `${root}/tree`;
        Deno.mkdirSync(`${directory}/empty`, { recursive: true });
        Deno.writeFileSync(`${directory}/a 名.bin`, content(300_000));
        Deno.writeTextFileSync(`${directory}/zero`, "");
        Deno.symlinkSync("/etc/passwd", `${directory}/way out`);
        const { url, file_type, left_out } = await link(server, { path: directory, source });
        assert.equal(file_type, "directory");
        assert.equal((left_out as { count: number }).count, 1);
        const archive = `${place.home}/${source}.zip`;
        const curl = ["-fsS", "-o", archive, url];
        assert.ok((await new Deno.Command("curl", { args: curl }).output()).success);
        const unzip = ["-q", archive, "-d", `${place.home}/${source}`];
        assert.ok((await new Deno.Command("unzip", { args: unzip }).output()).success);
        const found = `${place.home}/${source}`;
        assert.deepEqual([...Deno.readDirSync(found)].map(({ name }) => name).sort(), [
          "a 名.bin",
          "empty",
          "zero",
        ]);
        assert.ok(content(300_000).equals(Deno.readFileSync(`${found}/a 名.bin`)));
      }
    }),
});

const roots = ({ directory, host }: Place) => ({ local: directory, host: host.directory });

linksTest("no link's secret and no key is in the log or the audit log", async (server, place) => {
  Deno.writeTextFileSync(`${place.directory}/f`, "x");
  const { url, token_id } = await link(server, { path: "f" });
  const token = String(url.split("/").at(-1));
  assert.equal((await ask(url)).status, 200);
  await ask(url);
  const { origin } = new URL(url);
  const stats = { ...PROGRAM, "Authorization": `Bearer ${KEY}` };
  assert.equal((await ask(`${origin}/api/download/stats`, stats)).status, 200);
  const wrong = { ...PROGRAM, "Authorization": `Bearer ${KEY}x` };
  assert.equal((await ask(`${origin}/api/download/stats`, wrong)).status, 401);
  await server.end();
  const audit = Deno.readTextFileSync(`${place.home}/audit.jsonl`);
  assert.match(audit, new RegExp(String(token_id)));
  for (const text of [server.server.stderr, audit]) {
    assert.equal(text.includes(token), false);
    assert.equal(text.includes(KEY), false);
  }
}, {
  DOWNLOAD_API_KEY: "api-f5d3d58503b9699d",
  AUDIT_LOG: "~/audit.jsonl",
  LOG_LEVEL: "debug",
  DOWNLOAD_HOST: "127.0.0.1",
});

const KEY = "api-f5d3d58503b9699d";

linksTest("a link to a file of /sys or /proc has its true content", async (server) => {
  for (const path of ["/sys/class/net/lo/mtu", "/proc/sys/kernel/ostype"]) {
    const { url, size } = await link(server, { path, source: "host" });
    const expected = Deno.readTextFileSync(path);
    assert.equal(size, expected.length);
    assert.equal((await ask(url)).text, expected);
  }
});
