import assert from "node:assert/strict";
import { startDelayProxy } from "./delay_proxy.ts";
import { connectTo, isRoot } from "./openssh.ts";
import { until } from "../support/until.ts";
import { peerTest, SSHD } from "./require.ts";
import { type Sshd, startSshd } from "./sshd.ts";

// The real server, or the binary that MRE_BINARY names.

const MEGABYTE = 1_000_000;
/** The larger one is more than 32 bits can count; the other shows the same memory use. */
const OUTPUT = Deno.env.get("LARGE_TESTS") === "1" ? 5_000_000_000 : 1_000_000_000;

const namesIn = (dir: string): string[] =>
  [...Deno.readDirSync(dir)].map(({ name }) => name).sort();

const isTemporary = (name: string): boolean => name.endsWith(".part");

/** Returns the size of the temporary file in a directory; 0 if there is none. */
function partSize(dir: string): number {
  const sizes = namesIn(dir).filter(isTemporary).map((name) => {
    try {
      return Deno.statSync(`${dir}/${name}`).size;
    } catch {
      return 0; // gone in the meantime
    }
  });
  return Math.max(0, ...sizes);
}

/** Starts a transfer of 200 MB on a slow link and kills the server in the middle of it. */
async function killDuring(
  sshd: Sshd,
  dir: string,
  tool: "ssh_upload_file" | "ssh_download_file",
): Promise<void> {
  await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 20 });
  const server = await connectTo(sshd, dir, {
    MAX_FILE_SIZE: String(300 * MEGABYTE),
    SSH_PORT: String(proxy.port),
    SSH_STRICT_HOST_KEY_CHECKING: "false",
  });
  const paths = { local_path: "here", remote_path: "there", overwrite: true };
  server.call(tool, paths).catch(() => {});
  const target = tool === "ssh_upload_file" ? sshd.home : dir;
  await until("the transfer", () => partSize(target) >= 10 * MEGABYTE);
  server.server.kill("SIGKILL");
  await server.server.ended();
}

async function withFiles(
  here: number | string,
  there: number | string | undefined,
  body: (sshd: Sshd, dir: string) => Promise<void>,
): Promise<void> {
  await using sshd = await startSshd();
  const dir = await Deno.makeTempDir({ prefix: "mre_whole_" });
  const bytes = (content: number | string) =>
    typeof content === "string" ? new TextEncoder().encode(content) : new Uint8Array(content);
  await Deno.writeFile(`${dir}/here`, bytes(here));
  if (there !== undefined) {
    await Deno.writeFile(`${sshd.home}/there`, bytes(there));
    if (isRoot) await Deno.chown(`${sshd.home}/there`, sshd.uid, null);
  }
  await body(sshd, dir);
  await Deno.remove(dir, { recursive: true });
}

peerTest({
  peer: SSHD,
  name: "the server leaves no part of an upload when it is killed",
  fn: () =>
    withFiles(200 * MEGABYTE, undefined, async (sshd, dir) => {
      await killDuring(sshd, dir, "ssh_upload_file");
      await until("the guard's work", () => namesIn(sshd.home).length === 0);
    }),
});

peerTest({
  peer: SSHD,
  name: "the server leaves the old file when it is killed while an upload replaces it",
  fn: () =>
    withFiles(200 * MEGABYTE, "old", async (sshd, dir) => {
      await killDuring(sshd, dir, "ssh_upload_file");
      await until("the guard's work", () => !namesIn(sshd.home).some(isTemporary));
      assert.deepEqual(namesIn(sshd.home), ["there"]);
      assert.equal(await Deno.readTextFile(`${sshd.home}/there`), "old");
    }),
});

peerTest({
  peer: SSHD,
  name: "the server leaves the old file when it is killed while a download replaces it",
  fn: () =>
    withFiles("old", 200 * MEGABYTE, async (sshd, dir) => {
      await killDuring(sshd, dir, "ssh_download_file");
      assert.equal(await Deno.readTextFile(`${dir}/here`), "old");
      assert.equal((await Deno.stat(`${sshd.home}/there`)).size, 200 * MEGABYTE);
    }),
});

peerTest({
  peer: SSHD,
  name: `the server's memory stays constant under ${OUTPUT / 1e9} GB of output and under a flood`,
  async fn() {
    // By itself it would change its keys only after each gigabyte.
    await using sshd = await startSshd({ config: ["RekeyLimit 100M"] });
    const dir = await Deno.makeTempDir({ prefix: "mre_whole_" });
    {
      await using server = await connectTo(sshd, dir);
      await server.call("ssh_exec_command", { command: "head -c 60000000 /dev/zero" });
      const before = rssBytes(server.server.pid);
      const watch = watchPeak(server.server.pid);
      const command = `head -c ${OUTPUT} /dev/zero | tr '\\0' x`;
      const long = { command, timeout: 300 };
      const { data } = await server.call("ssh_exec_command", long, { timeoutMs: 310_000 });
      assert.equal(data.stdout_original_length, OUTPUT);
      const flood = await server.call("ssh_exec_command", { command: "yes ü", timeout: 6 });
      assert.equal(flood.data.timeout_reached, true);
      assert.equal(flood.data.process_ended, true);
      const grown = (watch.stop() - before) / 1e6;
      // Measured: up to 35 MB, all uncollected garbage. The output is much more.
      assert.ok(grown < 150, `${grown} MB more`);
    }
    await Deno.remove(dir, { recursive: true });
  },
});

function rssBytes(pid: number): number {
  const [, kilobytes = "0"] = /VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ??
    [];
  return Number(kilobytes) * 1024;
}

/** Samples a process's memory until stopped. */
function watchPeak(pid: number): { stop(): number } {
  let peak = 0;
  const timer = setInterval(() => peak = Math.max(peak, rssBytes(pid)), 10);
  return {
    stop() {
      clearInterval(timer);
      return peak;
    },
  };
}
