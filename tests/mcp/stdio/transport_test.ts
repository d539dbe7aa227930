import assert from "node:assert/strict";
import type { JSONRPCMessage } from "@modelcontextprotocol/server";
import { createLogger } from "../../../src/log.ts";
import { type StdioLimits, StdioTransport } from "../../../src/mcp/stdio/transport.ts";

const LIMITS: StdioLimits = { message: 1_000, unread: 100, waiting: 300 };

/** A client at the other end of two pipes. */
class Wire {
  readonly received: JSONRPCMessage[] = [];
  readonly logged: string[] = [];
  readonly transport: StdioTransport;
  written = "";
  isReading = true;
  #release = Promise.withResolvers<void>();
  readonly #chunks: (Uint8Array | null)[] = [];
  #arrived = Promise.withResolvers<void>();

  constructor(limits: StdioLimits = LIMITS) {
    const logger = createLogger("debug", [], (line) => this.logged.push(line));
    this.transport = new StdioTransport(
      { read: (buffer) => this.#read(buffer) },
      { write: (bytes) => this.#write(bytes) },
      logger,
      limits,
    );
    this.transport.onmessage = (message) => void this.received.push(message);
    this.transport.start();
  }

  /** Sends texts, one chunk each; null ends the input. */
  async send(...texts: (string | null)[]): Promise<void> {
    for (const text of texts) {
      this.#chunks.push(text === null ? null : new TextEncoder().encode(text));
    }
    this.#arrived.resolve();
    await settled();
  }

  async readOn(): Promise<void> {
    this.isReading = true;
    this.#release.resolve();
    await settled();
  }

  get answers(): unknown[] {
    return this.written.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  }

  async #read(buffer: Uint8Array): Promise<number | null> {
    while (this.#chunks.length === 0) {
      await this.#arrived.promise;
      this.#arrived = Promise.withResolvers();
    }
    const chunk = this.#chunks.shift();
    if (chunk === null || chunk === undefined) return null;
    buffer.set(chunk);
    return chunk.length;
  }

  async #write(bytes: Uint8Array): Promise<number> {
    if (!this.isReading) {
      this.#release = Promise.withResolvers();
      await this.#release.promise;
    }
    this.written += new TextDecoder().decode(bytes);
    return bytes.length;
  }
}

/** Lets everything happen that waits for nothing but its turn. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

const ping = (id: unknown) => `${JSON.stringify({ jsonrpc: "2.0", id, method: "ping" })}\n`;
const answer = (id: string | number) => ({ jsonrpc: "2.0" as const, id, result: {} });
const cancel = (requestId: unknown) =>
  `${
    JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } })
  }\n`;

Deno.test("StdioTransport passes messages on and writes answers", async () => {
  const wire = new Wire();
  await wire.send(ping(0), ping(""));
  assert.deepEqual(wire.received, [0, ""].map((id) => ({ jsonrpc: "2.0", id, method: "ping" })));
  for (const id of [0, ""]) await wire.transport.send(answer(id));
  await wire.transport.idle();
  assert.deepEqual(wire.answers, [answer(0), answer("")]);
  await wire.send(null);
  assert.equal(await wire.transport.ended, "stdin ended");
  assert.deepEqual(wire.logged, []);
});

Deno.test("StdioTransport answers two requests with one id, and cancels both", async () => {
  const wire = new Wire();
  await wire.send(ping(5), ping(5));
  const ids = wire.received.map((message) => "id" in message ? message.id : undefined);
  assert.notEqual(ids[0], ids[1]);
  await wire.transport.send(answer(ids[1] ?? ""));
  assert.deepEqual(wire.answers, [answer(5)]);
  await wire.send(ping(5), cancel(5));
  assert.equal(wire.received.filter((message) => !("id" in message)).length, 2);
  await wire.transport.idle();
  await wire.transport.send(answer(5));
  assert.equal(wire.answers.length, 1, "a cancelled request is not answered");
  await wire.send(null);
});

Deno.test("StdioTransport answers what it refuses, and warns once of each kind", async () => {
  const wire = new Wire();
  await wire.send("what?\n", "nothing\n", "[]\n");
  assert.equal(wire.answers.length, 3);
  assert.deepEqual(wire.logged, [
    "[warn] unusual message from the client: a line is not JSON\n",
    "[warn] unusual message from the client: a batch of messages\n",
  ]);
  await wire.send(null);
});

Deno.test("StdioTransport refuses a message over its limit, and reads on", async () => {
  const wire = new Wire();
  const long = { jsonrpc: "2.0", id: 3, method: "ping", params: { x: "x".repeat(2_000) } };
  await wire.send(`${JSON.stringify(long)}\n`, ping(4));
  assert.equal(wire.received.length, 1);
  assert.match(wire.written, /^\{"jsonrpc":"2.0","id":3,"error":\{"code":-32600,/);
  await wire.send(null);
});

Deno.test("StdioTransport reads a last line without its line feed, unless it is a part of one", async () => {
  const whole = new Wire();
  await whole.send(ping(1).trimEnd(), null);
  assert.equal(whole.received.length, 1);
  const part = new Wire();
  await part.send(ping(1).slice(0, -5), null);
  assert.deepEqual([part.received, part.written, part.logged], [[], "", []]);
});

Deno.test("StdioTransport lets messages wait while the client does not read", async () => {
  const wire = new Wire();
  wire.isReading = false;
  await wire.send(ping(1));
  await wire.transport.send({ ...answer(1), result: { text: "x".repeat(200) } });
  await wire.send(ping(2), ping(3));
  assert.equal(wire.received.length, 1);
  await wire.readOn();
  assert.equal(wire.received.length, 3);
  await wire.send(null);
});

Deno.test("StdioTransport handles a hundred messages at most before their answers count as unread", async () => {
  const wire = new Wire({ ...LIMITS, waiting: 60_000 });
  wire.isReading = false;
  wire.transport.onmessage = async (message) => {
    wire.received.push(message);
    await null;
    if ("id" in message && message.id !== undefined) await wire.transport.send(answer(message.id));
  };
  await wire.send(Array.from({ length: 1_000 }, (_, id) => ping(id)).join(""));
  assert.equal(wire.received.length, 100);
  await wire.readOn();
  await settled();
  assert.deepEqual(wire.answers, Array.from({ length: 1_000 }, (_, id) => answer(id)));
  await wire.send(null);
});

Deno.test("StdioTransport notices the end of stdin while the client does not read", async () => {
  const wire = new Wire();
  wire.isReading = false;
  await wire.send(ping(1));
  await wire.transport.send({ ...answer(1), result: { text: "x".repeat(200) } });
  await wire.send(ping(2), null);
  assert.equal(await wire.transport.ended, "stdin ended");
  await wire.readOn();
});

Deno.test("StdioTransport ends when a client only writes", async () => {
  const wire = new Wire();
  wire.isReading = false;
  await wire.send(ping(1));
  await wire.transport.send({ ...answer(1), result: { text: "x".repeat(200) } });
  await wire.send(...Array.from({ length: 20 }, (_, id) => ping(id)));
  assert.equal(await wire.transport.ended, "the client does not read its answers");
  assert.match(wire.logged.join(""), /^\[error\] the client does not read its answers/);
  await wire.readOn();
});

Deno.test("StdioTransport drops progress that the client does not read", async () => {
  const wire = new Wire({ ...LIMITS, unread: 4_000_000 });
  wire.isReading = false;
  const progress = (message: string) => ({
    jsonrpc: "2.0" as const,
    method: "notifications/progress",
    params: { progressToken: 1, progress: 1, message },
  });
  for (let step = 0; step < 40; step++) await wire.transport.send(progress("x".repeat(100_000)));
  await wire.readOn();
  assert.ok(wire.written.length < 1_300_000, `${wire.written.length} bytes`);
  await wire.send(null);
});
