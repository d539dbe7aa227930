import assert from "node:assert/strict";
import { RemoteExecError } from "../../../src/errors.ts";
import { LongCalls } from "../../../src/mcp/long_calls.ts";
import { ExchangeService } from "../../../src/transfers/exchange/service.ts";
import { exchangeTools } from "../../../src/transfers/exchange/tools.ts";
import type { StoreOutcome, StoreRequest, TransfersPort } from "../../../src/transfers/port.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { pure } from "../../support/pure.ts";
import { assertSameFacts } from "../../support/same_facts.ts";

const CONFIG = {
  ...{ accessKey: "a", secretKey: "b", bucket: "c", region: "auto", clientId: "server" },
  ...{ endpoint: "http://127.0.0.1:1", maxFileBytes: 1_000 },
};

/** Starts an upload whose bytes take as long as the test likes, and lets 45 seconds pass. */
async function longUpload() {
  const stored = Promise.withResolvers<StoreOutcome>();
  const port = {
    store: (_request: StoreRequest, signal: AbortSignal) => {
      signal.addEventListener("abort", () => stored.reject(signal.reason));
      return stored.promise;
    },
    downloadUrl: () => Promise.resolve("http://127.0.0.1:1/c/x?signed"),
  } as unknown as TransfersPort; // nothing else is called
  const clock = new FakeClock();
  const calls = new LongCalls(45_000, clock);
  const service = new ExchangeService({ port, config: CONFIG, containers: undefined, clock });
  const tool = exchangeTools(service, calls).find(({ name }) => name === "exchange_upload");
  assert.ok(tool);
  const client = new AbortController();
  const context = { signal: client.signal, progress: undefined };
  const answer = tool.call({ remote_path: "/srv/dump.tar" }, context);
  await Promise.resolve();
  clock.advance(45_000);
  const { text, data } = await answer;
  assert.deepEqual(tool.output.parse(data), data);
  assertSameFacts("exchange_upload", text, data);
  const [call] = calls.list();
  assert.ok(call);
  assert.deepEqual(data, { running: true, job_id: call.id });
  assert.equal(call.shown, "exchange_upload /srv/dump.tar");
  return { stored, client, calls, id: call.id };
}

pure(
  "exchange_upload of a large file goes on in the server, whatever its client does",
  async () => {
    const { stored, client, calls, id } = await longUpload();
    client.abort();
    stored.resolve({
      object: {
        ...{ name: "server/server_dump.tar_1", id: "e", size: 5, storedAtMs: 1 },
        metadata: { source_client: "server", filename: "dump.tar" },
      },
      ...{ bytes: 5, sha256: "ab".repeat(32), durationMs: 1 },
    });
    await calls.wait(id, 10_000, new AbortController().signal);
    const { state, hasFailed, text } = calls.get(id);
    assert.deepEqual([state, hasFailed], ["exited", false], text);
    assert.match(text, /^\[SUCCESS\] File uploaded to the exchange\nSHA-256: (ab){32}\n/);
  },
);

pure("exchange_upload that goes on fails or is stopped like any job", async () => {
  const failing = await longUpload();
  failing.stored.reject(new RemoteExecError("quota", "The bucket is full", "Free space"));
  await failing.calls.wait(failing.id, 10_000, new AbortController().signal);
  const { hasFailed, text } = failing.calls.get(failing.id);
  assert.equal(hasFailed, true);
  assert.match(text, /^\[ERROR\] The bucket is full/);
  const stopped = await longUpload();
  assert.equal((await stopped.calls.stop(stopped.id, 10_000)).state, "stopped");
});
