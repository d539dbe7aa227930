import assert from "node:assert/strict";
import type { R2Config } from "../../../src/config/config.ts";
import { chooseTools } from "../../../src/config/offer.ts";
import { expose } from "../../../src/rpc/expose.ts";
import { spawn } from "../../../src/sandbox/spawn.ts";
import { createFilesServer } from "../../../src/ssh/worker/files/files_server.ts";
import { RemoteHost } from "../../../src/ssh/worker/remote_host.ts";
import { connectTransfers } from "../../../src/server/connect.ts";
import { metadataHeaders } from "../../../src/transfers/exchange/object_metadata.ts";
import type { TransfersPort } from "../../../src/transfers/port.ts";
import { isFailure, sha256 } from "../../contracts/bridge.ts";
import { peerTest, SWIFT } from "../../peers/require.ts";
import { startR2 } from "./r2/rig.ts";
import { nameFor, silent } from "./r2/fixture.ts";

const MIB = 1024 * 1024;
const never = new AbortController().signal;

/** Starts the real worker with the permission `net` alone, connected to the real files of a directory. */
async function startWorker(r2: R2Config, net = [new URL(r2.endpoint).host]) {
  const root = await Deno.realPath(await Deno.makeTempDir());
  const grant = { kinds: ["local"], write: true } as const;
  const files = createFilesServer(localFilesHost(root), grant);
  const worker = spawn<TransfersPort>({ worker: "transfers", net, read: [], write: [] }, silent);
  let end: MessagePort | undefined;
  const serveFiles = (port: MessagePort) => {
    end = port;
    expose(files, silent, port);
    return Promise.resolve();
  };
  const settings = {
    imageKit: undefined,
    r2,
    proxmox: false,
    offer: chooseTools(
      { readOnly: false, tools: undefined },
      { proxmox: false, imageKit: undefined, r2 },
      assert.fail,
    ),
    logLevel: "error",
    secrets: [],
  } as const;
  await connectTransfers(worker.port, { serveFiles }, settings);
  return {
    port: worker.port,
    root,
    async [Symbol.asyncDispose]() {
      await worker.port.close(1_000);
      worker.terminate();
      end?.close();
      await Deno.remove(root, { recursive: true });
    },
  };
}

/** A host that is never dialed: only its local files are used. */
const localFilesHost = (root: string) =>
  new RemoteHost({
    ssh: {
      host: "127.0.0.1",
      port: 1,
      username: "nobody",
      login: { kind: "password", password: "" },
      knownHostsPaths: [],
      strictHostKeyChecking: true,
    },
    limits: { characterLimit: 1000, maxFileBytes: 100 * MIB, timeoutMs: 30_000 },
    files: { workingDirectory: root, roots: [root], aliases: [], own: [] },
    logLevel: "error",
    secrets: [],
  }, silent);

const store = (name: string, path: string) =>
  ({
    bridge: "r2",
    from: { kind: "local", path },
    name,
    metadata: {},
    maxBytes: 100 * MIB,
  }) as const;

const deliver = (name: string, path: string) =>
  ({
    bridge: "r2",
    ref: { name },
    to: { kind: "local", path },
    overwrite: false,
    maxBytes: 100 * MIB,
  }) as const;

peerTest({
  peer: SWIFT,
  name: "the transfers worker carries files between workers with the permission for its host alone",
  async fn() {
    await using rig = await startR2();
    await using worker = await startWorker(rig.config);
    const bytes = new Uint8Array(20 * MIB + 3).map((_, index) => (index * index) % 253);
    await Deno.writeFile(`${worker.root}/in.bin`, bytes);
    const name = nameFor("in.bin");
    const steps: number[] = [];
    const progress = ({ bytes }: { bytes: number }) => void steps.push(bytes);
    const stored = await worker.port.store(store(name, "in.bin"), never, progress);
    assert.equal(stored.sha256, await sha256(bytes));
    assert.ok(steps.length > 1);
    const outcome = await worker.port.deliver(deliver(name, "sub/out.bin"), never);
    assert.deepEqual([outcome.bytes, outcome.contentProven], [bytes.length, true]);
    assert.deepEqual(await Deno.readFile(`${worker.root}/sub/out.bin`), bytes);
  },
});

peerTest({
  peer: SWIFT,
  name: "the transfers worker discards a file that does not equal its stored hash",
  async fn() {
    await using rig = await startR2();
    await using worker = await startWorker(rig.config);
    const name = nameFor("bad.txt");
    const answer = await rig.s3.client.fetch(`${rig.bucketUrl}/transfers/${name}`, {
      method: "PUT",
      body: "altered",
      headers: metadataHeaders({ sha256: "0".repeat(64) }),
    });
    await answer.body?.cancel();
    await assert.rejects(
      worker.port.deliver(deliver(name, "out.txt"), never),
      isFailure("verification_failed"),
    );
    assert.deepEqual([...Deno.readDirSync(worker.root)], []);
  },
});

peerTest({
  peer: SWIFT,
  name: "failures at both ends of a transfer keep their codes between workers",
  async fn() {
    await using rig = await startR2();
    await using worker = await startWorker(rig.config);
    const { port, root } = worker;
    await Deno.writeTextFile(`${root}/a.txt`, "a");
    const name = nameFor("a.txt");
    await assert.rejects(port.store(store(name, "missing"), never), isFailure("not_found"));
    await assert.rejects(
      port.store(store(name, "/etc/passwd"), never),
      isFailure("outside_directories"),
    );
    await assert.rejects(port.deliver(deliver(name, "b.txt"), never), isFailure("not_found"));
    await port.store(store(name, "a.txt"), never);
    await assert.rejects(port.deliver(deliver(name, "a.txt"), never), isFailure("already_exists"));
    await assert.rejects(
      port.find("imagekit", { name: "x" }, 0, never),
      isFailure("not_configured"),
    );
    const stopping = new AbortController();
    const stopped = port.store(store(name, "a.txt"), stopping.signal);
    stopping.abort();
    await assert.rejects(stopped, isFailure("cancelled"));
  },
});

peerTest({
  peer: SWIFT,
  name: "the transfers worker cannot reach a host that its permissions do not name",
  async fn() {
    await using rig = await startR2();
    await using worker = await startWorker(rig.config, ["127.0.0.1:1"]);
    await assert.rejects(
      worker.port.find("r2", { name: nameFor("a") }, 0, never),
      (error) =>
        isFailure("not_permitted")(error) && /may not connect to 127\.0\.0\.1/.test(String(error)),
    );
  },
});
