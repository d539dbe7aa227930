import assert from "node:assert/strict";
import type { Bridge, BridgeCall, PutSource } from "../../src/transfers/worker/bridge.ts";
import type { UploadTicket } from "../../src/transfers/port.ts";
import { RemoteExecError } from "../../src/errors.ts";
import { type Peer, peerTest } from "../peers/require.ts";

/** A driver with an empty account. */
export interface BridgeUnderTest {
  readonly bridge: Bridge;
  /** Returns a name that the driver accepts; a new one on each call. */
  newName(label: string): string;
  /** Stores foreign objects on the service; the returned function reports whether they still exist. */
  addForeign(): Promise<() => Promise<boolean>>;
  /** Stores an expired object of ours. */
  addExpired(name: string): Promise<void>;
}

/** A running service, or a fake one, for all tests of the contract. */
export interface BridgeService extends AsyncDisposable {
  fresh(): Promise<BridgeUnderTest>;
}

export interface BridgeContract {
  /** The driver's name in the names of the tests. */
  readonly subject: string;
  readonly peer?: Peer | readonly Peer[];
  start(): Promise<BridgeService>;
  /** Metadata that the service stores with an object; empty for a service that stores none. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Tests what all drivers have in common: one test, with one step for each behavior. */
export function bridgeContract(contract: BridgeContract): void {
  const steps: { behavior: string; fn: (under: BridgeUnderTest) => Promise<void> }[] = [];
  const test = (behavior: string, fn: (under: BridgeUnderTest) => Promise<void>) =>
    void steps.push({ behavior, fn });
  peerTest({
    peer: contract.peer ?? [],
    name: `${contract.subject} keeps the contract of all bridges`,
    async fn(t) {
      await using service = await contract.start();
      for (const { behavior, fn } of steps) {
        await t.step(behavior, async () => await fn(await service.fresh()));
      }
    },
  });

  test("returns exactly what was stored", async (under) => {
    const { bridge } = under;
    const name = under.newName("data.bin");
    const bytes = crypto.getRandomValues(new Uint8Array(50_000));
    const put = await bridge.put({ name, metadata: contract.metadata }, sourceOf(bytes), call());
    assert.equal(put.sha256, await sha256(bytes));
    assert.equal(put.object.size, bytes.length);
    const opened = await bridge.open({ name }, 1_000_000, call());
    assert.deepEqual(await readAll(opened.stream), bytes);
    assert.equal(opened.object.name, name);
  });

  test("finds an object with its size, time, id and metadata", async (under) => {
    const { bridge } = under;
    const name = under.newName("found.txt");
    const startedAt = Date.now();
    await bridge.put({ name, metadata: contract.metadata }, sourceOf(text("content")), call());
    const found = await bridge.find({ name }, call());
    assert.ok(found);
    assert.equal(found.size, 7);
    assert.ok(Math.abs(found.storedAtMs - startedAt) < 60_000);
    assert.notEqual(found.id, "");
    for (const [key, value] of Object.entries(contract.metadata)) {
      assert.equal(found.metadata[key], value);
    }
    assert.deepEqual(await bridge.find({ name, id: found.id }, call()), found);
  });

  test("distinguishes a missing object from a fault", async ({ bridge, newName }) => {
    const name = newName("missing");
    assert.equal(await bridge.find({ name }, call()), undefined);
    await assert.rejects(bridge.open({ name }, 10, call()), isFailure("not_found"));
    assert.equal((await bridge.remove({ name }, call())).existed, false);
  });

  test("removes an object", async ({ bridge, newName }) => {
    const name = newName("gone.txt");
    await bridge.put({ name, metadata: {} }, sourceOf(text("x")), call());
    assert.equal((await bridge.remove({ name }, call())).existed, true);
    assert.equal(await bridge.find({ name }, call()), undefined);
  });

  test("lists objects by the beginning of their names", async ({ bridge, newName }) => {
    const names = [newName("one"), newName("two")].toSorted();
    for (const name of names) {
      await bridge.put({ name, metadata: {} }, sourceOf(text("x")), call());
    }
    const listed = (await bridge.list("", call())).map((object) => object.name);
    assert.deepEqual(listed, names);
    const only = await bridge.list(names[0] ?? "", call());
    assert.deepEqual(only.map((object) => object.name), [names[0]]);
  });

  test("refuses a file above the limit and leaves nothing behind", async ({ bridge, newName }) => {
    const name = newName("big.bin");
    const source = { ...sourceOf(text("123456")), maxBytes: 5 };
    await assert.rejects(
      bridge.put({ name, metadata: {} }, source, call()),
      isFailure("too_large"),
    );
    assert.equal(await bridge.find({ name }, call()), undefined);
  });

  test("refuses to open an object above the limit", async ({ bridge, newName }) => {
    const name = newName("big.bin");
    await bridge.put({ name, metadata: {} }, sourceOf(text("123456")), call());
    await assert.rejects(bridge.open({ name }, 5, call()), isFailure("too_large"));
  });

  test("refuses a file whose length has changed", async ({ bridge, newName }) => {
    const name = newName("changed.bin");
    for (const size of [5, 7]) {
      const source = { ...sourceOf(text("123456")), size };
      await assert.rejects(
        bridge.put({ name, metadata: {} }, source, call()),
        isFailure("changed"),
      );
    }
    assert.equal(await bridge.find({ name }, call()), undefined);
  });

  test("stops when it is cancelled while it reads, and leaves nothing behind", async (under) => {
    const { bridge } = under;
    const name = under.newName("cancelled.bin");
    const stop = new AbortController();
    const reason = new RemoteExecError("cancelled", "The test cancels", "None");
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(10));
        stop.abort(reason);
        return Promise.withResolvers<void>().promise;
      },
      cancel: () => void (cancelled = true),
    });
    const source = { ...sourceOf(new Uint8Array(20)), stream };
    await assert.rejects(
      bridge.put({ name, metadata: {} }, source, call(stop.signal)),
      (error) => error === reason,
    );
    assert.equal(cancelled, true);
    assert.equal(await bridge.find({ name }, call()), undefined);
  });

  test("reports why a file could not be read", async ({ bridge, newName }) => {
    const name = newName("unreadable.bin");
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new RemoteExecError("io_error", "disk", "None")),
    });
    const source = { ...sourceOf(new Uint8Array(20)), stream };
    await assert.rejects(
      bridge.put({ name, metadata: {} }, source, call()),
      isFailure("io_error"),
    );
    assert.equal(await bridge.find({ name }, call()), undefined);
  });

  test("creates a URL that returns the bytes to anyone who has it", async (under) => {
    const { bridge } = under;
    const name = under.newName("shared.txt");
    await bridge.put({ name, metadata: {} }, sourceOf(text("shared")), call());
    const url = await bridge.downloadUrl({ name }, Date.now() + 600_000);
    const answer = await fetch(url);
    assert.equal(await answer.text(), "shared");
    const other = await fetch(url.replace(encodedLast(name), `${encodedLast(name)}x`));
    await other.body?.cancel();
    assert.ok(other.status >= 400);
  });

  test("creates a ticket with which somebody else stores one object", async (under) => {
    const { bridge } = under;
    const name = under.newName("given.txt");
    const ticket = await bridge.uploadTicket({
      name,
      metadata: contract.metadata,
      expiresAtMs: Date.now() + 600_000,
      size: 5,
    });
    const answer = await redeem(ticket, text("given"));
    assert.ok(answer.ok, await answer.clone().text());
    await answer.body?.cancel();
    const opened = await bridge.open({ name }, 100, call());
    assert.equal(new TextDecoder().decode(await readAll(opened.stream)), "given");
  });

  test("sweeps expired objects, and nothing else", async (under) => {
    const { bridge } = under;
    const [fresh, expired] = [under.newName("fresh"), under.newName("expired")];
    await bridge.put({ name: fresh, metadata: {} }, sourceOf(text("fresh")), call());
    await under.addExpired(expired);
    const foreignExists = await under.addForeign();
    assert.equal(await bridge.sweep(call()), 1);
    assert.equal(await bridge.find({ name: expired }, call()), undefined);
    assert.ok(await bridge.find({ name: fresh }, call()));
    assert.equal(await foreignExists(), true);
  });

  test("diagnoses a service that answers", async ({ bridge }) => {
    const checks = await bridge.diagnose(call());
    assert.ok(checks.length > 0);
    assert.deepEqual(checks.filter((check) => !check.ok), []);
  });
}

/** Returns a source with these bytes. */
export function sourceOf(bytes: Uint8Array<ArrayBuffer>): PutSource {
  return {
    label: "a file",
    size: bytes.length,
    maxBytes: 1_000_000_000,
    stream: new Blob([bytes]).stream(),
    sha256: () => sha256(bytes),
  };
}

export const call = (signal: AbortSignal = new AbortController().signal): BridgeCall => ({
  signal,
  progress: undefined,
});

export const text = (content: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(content);

export async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(
    await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer(),
  );
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Passes for a RemoteExecError with that code. */
export const isFailure = (code: string) => (error: unknown): boolean => {
  assert.ok(error instanceof RemoteExecError, String(error));
  assert.equal(error.code, code, error.message);
  return true;
};

/** Uploads with a ticket, as a client without credentials does. */
export function redeem(ticket: UploadTicket, bytes: Uint8Array<ArrayBuffer>): Promise<Response> {
  const { method, url, headers, fields } = ticket;
  if (method === "PUT") return fetch(url, { method, headers, body: bytes });
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  form.append("file", new Blob([bytes]), "any");
  return fetch(url, { method, headers, body: form });
}

const encodedLast = (name: string): string => encodeURIComponent(name.split("/").at(-1) ?? "");
