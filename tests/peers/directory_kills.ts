/**
 * Kills the server, or the SSH connections, at a moment of a directory copy. `tests/by_hand/directory_kills.ts`
 * does it often, the tests a few times.
 */
import assert from "node:assert/strict";
import { connectTo, isRoot, until } from "./openssh.ts";
import type { Connected } from "../support/server.ts";
import type { Sshd } from "./sshd.ts";

/** What is killed, and when. */
export interface DirectoryKill {
  readonly what: "server" | "connections";
  readonly direction: "upload" | "download";
  readonly afterMs: number;
}

const FILES = 120;
/** Some are larger than one piece of the transport. */
const LARGE_BYTES = 300_000;
const SMALL_BYTES = 4_000;

const nameOf = (index: number): string => `section${index % 7}/page${index}`;

function contentOf(version: "old" | "new", index: number): string {
  const line = `${version} ${index}\n`;
  return line.repeat((index % 6 === 0 ? LARGE_BYTES : SMALL_BYTES) / line.length);
}

/** Writes all files in their new version, or every second one in its old version. */
function write(top: string, version: "old" | "new"): void {
  for (let index = 0; index < FILES; index += version === "old" ? 2 : 1) {
    Deno.mkdirSync(`${top}/section${index % 7}`, { recursive: true });
    Deno.writeTextFileSync(`${top}/${nameOf(index)}`, contentOf(version, index));
  }
}

/** Returns how many files have their new content. @throws AssertionError if one is half-written */
function countNew(top: string): number {
  let count = 0;
  for (let index = 0; index < FILES; index++) {
    const path = `${top}/${nameOf(index)}`;
    const found = readOrMissing(path);
    const isOld = found === (index % 2 === 0 ? contentOf("old", index) : undefined);
    const isNew = found === contentOf("new", index);
    assert.ok(isOld || isNew, `half-written: ${path} has ${found?.length} characters`);
    if (isNew) count++;
  }
  return count;
}

function readOrMissing(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Returns the temporary files and directories in a tree and beside it. */
function leftovers(top: string): string[] {
  const { stdout } = new Deno.Command("find", { args: [`${top}/..`, "-name", "*.part"] })
    .outputSync();
  return new TextDecoder().decode(stdout).split("\n").filter((path) => path !== "");
}

/**
 * Kills during one copy. Each file must have its old content or its new one, nothing else may be left on the
 * host, and the next copy must finish the work.
 *
 * @returns how many files had their new content after the kill
 */
export async function killDirectoryCopy(sshd: Sshd, kill: DirectoryKill): Promise<number> {
  const place = `${sshd.home}/k`;
  const local = Deno.realPathSync(await Deno.makeTempDir({ prefix: "mre_kill_" }));
  const [here, there] = [`${local}/site`, `${place}/site`];
  const isUpload = kill.direction === "upload";
  const [from, to] = isUpload ? [here, there] : [there, here];
  const tool = `ssh_${kill.direction}_directory`;
  const args = { local_path: here, remote_path: there, overwrite: true };
  try {
    write(from, "new");
    write(to, "old");
    const owner = ["-R", String(sshd.uid), place];
    if (isRoot) assert.ok((await new Deno.Command("chown", { args: owner }).output()).success);
    await killDuring(sshd, local, kill, (server) => server.call(tool, args));
    // A killed server cannot remove what it has on this machine; the next one does, by age.
    if (isUpload || kill.what === "connections") {
      await until("the removal of temporary files", () => leftovers(to).length === 0, 30_000);
    }
    const count = countNew(to);
    await using again = await connectTo(sshd, local);
    const { isError, text } = await again.call(tool, args);
    assert.equal(isError, false, text);
    assert.equal(countNew(to), FILES);
    return count;
  } finally {
    await Deno.remove(local, { recursive: true });
    await Deno.remove(place, { recursive: true });
  }
}

async function killDuring(
  sshd: Sshd,
  local: string,
  { what, afterMs }: DirectoryKill,
  copy: (server: Connected) => ReturnType<Connected["call"]>,
): Promise<void> {
  await using server = await connectTo(sshd, local);
  const warm = await server.call("ssh_exec_command", { command: "true" });
  assert.equal(warm.isError, false, warm.text);
  const copying = copy(server);
  copying.catch(() => {}); // the server is killed
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  if (what === "server") {
    server.server.kill("SIGKILL");
    await server.server.ended();
  } else {
    await sshd.killConnections();
    const { isError, data, text } = await copying;
    if (isError) assert.equal(data.code, "connection_lost", text);
  }
}
