/**
 * Kills the server, or the SSH connections, at random moments of directory transfers, and then calls again:
 *
 *   MRE_BINARY=dist/mcp-remote-exec deno run -A --config deno.json tests/by_hand/directory_kills.ts 100
 *
 * After each kill every file has its complete old or its complete new content, and nothing staged stays on the
 * host; after the second call the directories are equal.
 */
import assert from "node:assert/strict";
import { line } from "../demo/print.ts";
import { connectTo, until } from "../peers/openssh.ts";
import { type Sshd, startSshd } from "../peers/sshd.ts";

const FILES = 60;

/** Fills a directory: each file begins with its number, so that parts of two files are noticed. */
function fill(top: string, word: string, uid: number): void {
  for (let index = 0; index < FILES; index++) {
    const folder = `${top}/${index % 4}`;
    Deno.mkdirSync(folder, { recursive: true });
    Deno.writeTextFileSync(`${folder}/${index}`, content(index, word));
    Deno.chownSync(`${folder}/${index}`, uid, null);
    Deno.chownSync(folder, uid, null);
  }
  Deno.chownSync(top, uid, null);
}

const content = (index: number, word: string): string => `${index} ${word}\n`.repeat(20_000);

/** Returns how many files are new. @throws if one is neither old nor new */
function countNew(top: string): number {
  let count = 0;
  for (let index = 0; index < FILES; index++) {
    const found = Deno.readTextFileSync(`${top}/${index % 4}/${index}`);
    const isNew = found === content(index, "new");
    assert.ok(isNew || found === content(index, "old"), `${top}: ${index} is half-written`);
    if (isNew) count++;
  }
  return count;
}

async function killOnce(sshd: Sshd, tool: string, what: string, afterMs: number): Promise<string> {
  const isUpload = tool === "ssh_upload_directory";
  const local = await Deno.realPath(await Deno.makeTempDir({ prefix: "mre_kill_" }));
  const parent = `${sshd.home}/d${crypto.randomUUID().slice(0, 8)}`;
  Deno.mkdirSync(parent);
  Deno.chownSync(parent, sshd.uid, null);
  const [from, to] = isUpload
    ? [`${local}/site`, `${parent}/site`]
    : [`${parent}/site`, `${local}/site`];
  fill(from, "new", isUpload ? 0 : sshd.uid);
  fill(to, "old", isUpload ? sshd.uid : 0);
  const paths = { local_path: "site", remote_path: `${parent}/site`, overwrite: true };
  try {
    const server = await connectTo(sshd, local);
    await server.call("ssh_list_directory", { path: parent });
    const call = server.call(tool, paths).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    if (what === "connections") {
      await sshd.killConnections();
      await call;
    } else {
      server.server.kill("SIGKILL");
      await server.server.ended();
    }
    const arrived = countNew(to);
    const beside = () => [...Deno.readDirSync(parent)].map(({ name }) => name);
    await until("the removal of what was staged", () => beside().length === 1, 30_000);
    countNew(to);
    await using again = await connectTo(sshd, local);
    const { data, text } = await again.call(tool, paths);
    assert.equal(data.success, true, text);
    assert.equal(countNew(to), FILES);
    if (what === "connections") await server[Symbol.asyncDispose]();
    return arrived === 0 ? "none" : arrived === FILES ? "all" : "some";
  } finally {
    await Deno.remove(local, { recursive: true });
    await Deno.remove(parent, { recursive: true });
  }
}

const count = Number(Deno.args[0] ?? 100);
await using sshd = await startSshd();
const results = new Map<string, number>();
for (let run = 0; run < count; run++) {
  const tool = run % 2 === 0 ? "ssh_upload_directory" : "ssh_download_directory";
  const what = run % 4 < 2 ? "server" : "connections";
  const key = `${tool}, ${what}: ${await killOnce(
    sshd,
    tool,
    what,
    Math.floor(Math.random() * 500),
  )} arrived`;
  results.set(key, (results.get(key) ?? 0) + 1);
  if (run % 10 === 9) line(`${run + 1}: ${JSON.stringify(Object.fromEntries(results))}`);
}
