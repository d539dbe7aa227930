import assert from "node:assert/strict";
import { RemoteExecError } from "../../../src/errors.ts";
import { createLogger } from "../../../src/log.ts";
import type { Bridge } from "../../../src/transfers/worker/bridge.ts";
import type { StoredObject } from "../../../src/transfers/port.ts";
import { Transfers } from "../../../src/transfers/worker/transfers.ts";
import { createTransfersPort } from "../../../src/transfers/worker/transfers_port.ts";
import { call, isFailure } from "../../contracts/bridge.ts";
import { MemoryFiles } from "../memory_files.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { pure } from "../../support/pure.ts";

const HOUR_MS = 3_600_000;
const OBJECT: StoredObject = { name: "x", id: "1", size: 3, storedAtMs: 0, metadata: {} };

const unexpected = () => Promise.reject(new Error("not expected"));

const bridgeWith = (some: Partial<Bridge>): Bridge => ({
  name: "r2",
  put: unexpected,
  open: unexpected,
  find: unexpected,
  list: unexpected,
  remove: unexpected,
  uploadTicket: unexpected,
  downloadUrl: unexpected,
  sweep: unexpected,
  diagnose: unexpected,
  clockAheadMs: () => undefined,
  ...some,
});

function transfersWith(some: Partial<Bridge>) {
  const lines: string[] = [];
  const clock = new FakeClock();
  const files = new MemoryFiles();
  const logger = createLogger("info", [], (line) => void lines.push(line));
  const transfers = new Transfers({ bridges: [bridgeWith(some)], files, clock, logger });
  return { transfers, clock, files, lines };
}

const settled = () => new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)));

/** Runs all microtasks that are due. */
async function idle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await settled();
}

pure("startSweeping() sweeps at once and every hour, until it is stopped", async () => {
  let sweeps = 0;
  const { transfers, clock, lines } = transfersWith({ sweep: () => Promise.resolve(++sweeps) });
  const stop = transfers.startSweeping();
  await idle();
  assert.equal(sweeps, 1);
  clock.advance(HOUR_MS - 1);
  assert.equal(sweeps, 1);
  clock.advance(1);
  await idle();
  assert.equal(sweeps, 2);
  stop();
  clock.advance(HOUR_MS);
  assert.equal(sweeps, 2);
  assert.deepEqual(lines, [
    "[info] r2: 1 expired transfers removed\n",
    "[info] r2: 2 expired transfers removed\n",
  ]);
});

pure("the worker sweeps nothing when its settings forbid it, as with READ_ONLY", async () => {
  let swept = 0;
  const { transfers, clock } = transfersWith({ sweep: () => Promise.resolve(++swept) });
  const port = createTransfersPort(() => transfers, clock, () => {});
  const { port1, port2 } = new MessageChannel();
  const settings = { imageKit: undefined, r2: undefined, logLevel: "error", secrets: [] } as const;
  await port.configure({ ...settings, sweeps: false }, port1);
  clock.advance(HOUR_MS);
  await idle();
  await port.close(1_000);
  assert.equal(swept, 0);
  port1.close();
  port2.close();
});

pure("startSweeping() logs a failure and continues", async () => {
  let sweeps = 0;
  const sweep = () => {
    sweeps += 1;
    return Promise.reject(new RemoteExecError("authentication_failed", "Wrong key", "Check it"));
  };
  const { transfers, clock, lines } = transfersWith({ sweep });
  const stop = transfers.startSweeping();
  await idle();
  clock.advance(HOUR_MS);
  await idle();
  stop();
  assert.equal(sweeps, 2);
  assert.match(
    lines[0] ?? "",
    /expired transfers could not be removed: authentication_failed: Wrong key/,
  );
});

pure("find() looks again with growing pauses while the index lags", async () => {
  const answers = [undefined, undefined, OBJECT];
  const waited: number[] = [];
  const { transfers, clock } = transfersWith({ find: () => Promise.resolve(answers.shift()) });
  const found = transfers.find("r2", { name: "x" }, 20_000, call(), ({ waitedMs }) => {
    waited.push(waitedMs);
  });
  for (const delay of [250, 500]) {
    await idle();
    assert.deepEqual(clock.remainingMs, [delay]);
    clock.advance(delay);
  }
  assert.equal(await found, OBJECT);
  assert.deepEqual(waited, [0, 250]);
});

pure("find() stops after its time limit and can be cancelled", async () => {
  const { transfers, clock } = transfersWith({ find: () => Promise.resolve(undefined) });
  assert.equal(await transfers.find("r2", { name: "x" }, 0, call(), undefined), undefined);
  const stop = new AbortController();
  const reason = new RemoteExecError("cancelled", "Stopped", "None");
  const found = transfers.find("r2", { name: "x" }, 20_000, call(stop.signal), undefined);
  await idle();
  stop.abort(reason);
  await assert.rejects(found, (error) => error === reason);
  assert.deepEqual(clock.remainingMs, []);
});

pure("store() closes the file when the bridge fails before it reads", async () => {
  let cancelled = false;
  const { transfers, files } = transfersWith({
    put: () => Promise.reject(new RemoteExecError("quota", "Full", "Clear")),
  });
  const stream = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) });
  const facts = { kind: "file", size: 3, mtimeMs: 0, mode: 0o644, path: "a" } as const;
  files.read = () =>
    Promise.resolve({ facts, stream: stream as ReadableStream<Uint8Array<ArrayBuffer>> });
  const request = {
    bridge: "r2",
    from: { kind: "local", path: "a" },
    name: "x",
    metadata: {},
    maxBytes: 10,
  } as const;
  await assert.rejects(transfers.store(request, call()), isFailure("quota"));
  assert.equal(cancelled, true);
});

pure("deliver() rejects with the error of the bridge, which the ssh worker passes on", async () => {
  const failure = new RemoteExecError("connection_lost", "Cut off", "Again");
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(failure),
  }, { highWaterMark: 0 });
  const { transfers, files } = transfersWith({
    open: () => Promise.resolve({ object: OBJECT, sha256: undefined, selfProving: false, stream }),
  });
  files.write = async (_request, given) => {
    for await (const _ of given);
    throw new Error("the stream did not fail");
  };
  const request = {
    bridge: "r2",
    ref: { name: "x" },
    to: { kind: "local", path: "a" },
    overwrite: false,
    maxBytes: 10,
  } as const;
  await assert.rejects(transfers.deliver(request, call()), (error) => error === failure);
});

pure("close() cancels running uploads and waits until they are removed", async () => {
  let isRemoved = false;
  const put: Bridge["put"] = async (_object, _source, { signal }) => {
    const aborted = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => aborted.resolve());
    await aborted.promise;
    await idle();
    isRemoved = true;
    throw signal.reason;
  };
  const { transfers, files, clock } = transfersWith({ put, sweep: () => Promise.resolve(0) });
  files.add("local:a", "abc");
  const running = new AbortController();
  const port = createTransfersPort(
    () => transfers,
    clock,
    () => running.abort(new RemoteExecError("cancelled", "Stopped", "None")),
  );
  const { port1, port2 } = new MessageChannel();
  await port.configure(
    { imageKit: undefined, r2: undefined, sweeps: true, logLevel: "error", secrets: [] },
    port1,
  );
  const from = { kind: "local", path: "a" } as const;
  const request = { bridge: "r2", from, name: "x", metadata: {}, maxBytes: 10 } as const;
  const stored = port.store(request, running.signal);
  const failed = assert.rejects(stored, isFailure("cancelled"));
  await idle();
  await port.close(1_000);
  assert.equal(isRemoved, true);
  await failed;
  assert.deepEqual(clock.remainingMs, []);
  port1.close();
  port2.close();
});

pure("a bridge that is not configured is refused with the words of the exchange", async () => {
  const { transfers } = transfersWith({});
  assert.throws(() => transfers.bridge("imagekit"), isFailure("not_configured"));
  const none = new Transfers({
    bridges: [],
    files: new MemoryFiles(),
    clock: new FakeClock(),
    logger: createLogger("error"),
  });
  assert.throws(
    () => none.bridge("r2"),
    /Cloudflare R2 storage is not configured\. Set environment variables: R2_ACCOUNT_ID/,
  );
  await idle();
});
