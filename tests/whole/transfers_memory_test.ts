import assert from "node:assert/strict";
import { peerTest, SSHD, SWIFT } from "../peers/require.ts";
import { startS3 } from "../peers/s3.ts";
import { startSshd } from "../peers/sshd.ts";
import { type Connected, connectServer } from "../support/server.ts";
import { BUCKET, exchangeVariables } from "./bridges.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const MB = 1_000_000;
const SMALL_BYTES = 30 * MB;
const LARGE_BYTES = 300 * MB;
/** Measured: 32 to 57 MB, and 77 MB with a file of 900 MB, all uncollected garbage. Keeping the file would take 270 MB. */
const MOST_GROWTH_BYTES = 120 * MB;

/** Sends a file from the host to the exchange and back. Returns the server's peak memory in bytes. */
async function thereAndBack(server: Connected, path: string, bytes: number): Promise<number> {
  await writeRandom(path, bytes);
  const up = await succeeded(server, "exchange_upload", { remote_path: path });
  const { transfer_id, source_client } = up;
  const named = { transfer_id, source_client };
  const into = { remote_path: `${path}.back` };
  const down = await succeeded(server, "exchange_download", { ...named, ...into });
  assert.deepEqual([down.size, down.sha256, down.verified], [bytes, up.sha256, "content"]);
  await succeeded(server, "exchange_delete", named);
  return highestMemory(server.server.pid);
}

async function succeeded(server: Connected, name: string, args: Record<string, unknown>) {
  const { data, text, isError } = await server.call(name, args);
  assert.equal(isError, false, text);
  return data;
}

/** Repeats one random piece: neither side compresses, and a gigabyte of random bytes takes long to make. */
async function writeRandom(path: string, bytes: number): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, mode: 0o644 });
  const piece = crypto.getRandomValues(new Uint8Array(50_000));
  for (let written = 0; written < bytes; written += await file.write(piece));
}

function highestMemory(pid: number): number {
  const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ??
    [];
  return Number(kibibytes) * 1024;
}

peerTest({
  peer: [SSHD, SWIFT],
  name: "the server's memory does not grow with a file between host and exchange",
  async fn() {
    await using s3 = await startS3();
    await s3.createBucket(BUCKET);
    await using sshd = await startSshd();
    using place = temporaryDirectory();
    using remote = temporaryDirectory();
    Deno.chmodSync(remote.path, 0o777);
    await using server = await connectServer({
      cwd: place.path,
      env: {
        I_ACCEPT_RISKS: "true",
        HOST: sshd.host,
        SSH_PORT: String(sshd.port),
        SSH_USERNAME: sshd.username,
        SSH_KEY: sshd.keyPath,
        SSH_KNOWN_HOSTS: sshd.knownHostsPath,
        WORKING_DIRECTORY: place.path,
        ...exchangeVariables(s3),
      },
    });
    const small = await thereAndBack(server, `${remote.path}/small.bin`, SMALL_BYTES);
    const large = await thereAndBack(server, `${remote.path}/large.bin`, LARGE_BYTES);
    assert.ok(large - small < MOST_GROWTH_BYTES, `${small} and then ${large} bytes`);
    assert.deepEqual([...Deno.readDirSync(place.path)], []);
  },
});
