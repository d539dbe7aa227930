import assert from "node:assert/strict";
import { content } from "../fakes/ssh_host_client.ts";
import { startSshHost } from "../fakes/ssh_host.ts";
import { privateKeyOf } from "../fakes/ssh_host_keys.ts";
import { CURL, peerTest, UNZIP } from "../peers/require.ts";
import { outputOf, runCommand } from "../support/command.ts";
import { startPlace } from "../support/places.ts";
import { type Connected, connectServer } from "../support/server.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { until } from "../support/until.ts";
import { freePort } from "../support/free_port.ts";

/** Exit codes of curl. */
const [REFUSED, RESET] = [22, 56];

const SIZE = 30_000_000;

/** Downloads slowly with curl and returns its exit code. `lose` is called when a part has arrived. */
async function losing(url: string, target: string, lose: () => unknown, ...args: string[]) {
  const slow = ["-sS", "--limit-rate", "10M", ...args, "-o", target, url];
  const child = new Deno.Command("curl", { args: slow, stdin: "null" }).spawn();
  await until("a part", () => {
    try {
      return Deno.statSync(target).size > 100_000;
    } catch {
      return false;
    }
  });
  await lose();
  return (await child.status).code;
}

async function statistics(server: Connected): Promise<{ active: unknown; used: unknown }> {
  const { data } = await server.call("list_download_stats");
  const { active_tokens: active, used_tokens: used } = Object(data.statistics);
  return { active, used };
}

async function linkOf(server: Connected, path: string): Promise<string> {
  const { data, text } = await server.call("generate_download_link", { path, source: "host" });
  assert.equal(typeof data.download_url, "string", text);
  return String(data.download_url);
}

peerTest({
  name:
    "a lost host breaks a download off, is reported while it is gone, and curl resumes afterwards",
  peer: CURL,
  async fn() {
    using files = temporaryDirectory();
    const bytes = content(SIZE);
    const path = `${files.path}/big`;
    Deno.writeFileSync(path, bytes);
    const options = { hostKeys: [{ privateKey: privateKeyOf("ed25519") }], port: freePort() };
    await using place = await startPlace(options);
    await using server = await connectServer({ env: place.env, cwd: place.directory });
    const url = await linkOf(server, path);
    const target = `${place.home}/copy`;
    assert.equal(await losing(url, target, () => place.host.close()), RESET);
    const gone = await runCommand("curl", ["-sS", "-i", "-r", "1000-", url]);
    assert.match(gone.stdout, /^HTTP\/1\.1 503 [\s\S]*^retry-after: 5\r$/mi);
    assert.match(gone.stdout, /\r\nThe file cannot be read right now, try again in a few seconds$/);
    assert.deepEqual(await statistics(server), { active: 1, used: 0 });
    await using _host = await startSshHost({ ...options, port: place.host.port });
    await outputOf("curl", "-sSf", "-C", "-", "-o", target, url);
    assert.ok(bytes.equals(Deno.readFileSync(target)));
    assert.deepEqual(await statistics(server), { active: 0, used: 1 });
    assert.equal((await runCommand("curl", ["-sSf", "-C", "-", "-o", target, url])).code, REFUSED);
  },
});

peerTest({
  name: "a lost connection to the host breaks an archive off, and curl downloads it again",
  peer: [CURL, UNZIP],
  async fn() {
    await using place = await startPlace();
    await using server = await connectServer({ env: place.env, cwd: place.directory });
    const bytes = content(SIZE / 4);
    Deno.mkdirSync(`${place.host.directory}/tree`);
    for (const name of ["a", "b", "c", "d"]) {
      Deno.writeFileSync(`${place.host.directory}/tree/${name}`, bytes);
    }
    const url = await linkOf(server, "tree");
    const target = `${place.home}/tree.zip`;
    for (const version of ["--http1.1", "--http1.0"]) {
      const lose = () => place.host.dropConnections();
      assert.equal(await losing(url, target, lose, version), RESET);
      Deno.removeSync(target);
      assert.deepEqual(await statistics(server), { active: 1, used: 0 });
    }
    await outputOf("curl", "-sSf", "-o", target, url);
    await outputOf("unzip", "-q", target, "-d", `${place.home}/out`);
    assert.ok(bytes.equals(Deno.readFileSync(`${place.home}/out/d`)));
    assert.deepEqual(await statistics(server), { active: 0, used: 1 });
  },
});
