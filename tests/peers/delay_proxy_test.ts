import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { startDelayProxy } from "./delay_proxy.ts";
import { freePort } from "../support/free_port.ts";

/** A server for the tests. Passes each connection to `serve` and closes all at the end. */
class Target implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly port = this.#listener.addr.port;
  readonly #served: Promise<void>;
  accepted = 0;

  constructor(serve: (conn: Deno.TcpConn) => Promise<unknown>) {
    this.#served = this.#accept(serve);
  }

  async #accept(serve: (conn: Deno.TcpConn) => Promise<unknown>): Promise<void> {
    const running: Promise<unknown>[] = [];
    for await (const conn of this.#listener) {
      this.accepted++;
      running.push(serve(conn).finally(() => conn.close()));
    }
    await Promise.all(running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#served;
  }
}

/** Echoes everything until the connection ends or is lost. */
const echo = () =>
  new Target(async (conn) => {
    const buffer = new Uint8Array(65536);
    for (let n = await read(conn, buffer); n > 0; n = await read(conn, buffer)) {
      await writeAll(conn, buffer.subarray(0, n)).catch(() => {});
    }
  });

/** Returns the number of bytes read; 0 at the end or if the connection is lost. */
const read = async (conn: Deno.TcpConn, buffer: Uint8Array): Promise<number> =>
  await conn.read(buffer).catch(() => null) ?? 0;

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

/** Reads `length` bytes, or fewer if the stream ends before. */
async function readExactly(conn: Deno.TcpConn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let have = 0;
  while (have < length) {
    const count = await read(conn, bytes.subarray(have));
    if (count === 0) break;
    have += count;
  }
  return bytes.subarray(0, have);
}

const connect = (port: number) => Deno.connect({ hostname: "127.0.0.1", port });
const PING = new TextEncoder().encode("ping");

Deno.test("startDelayProxy() makes a round trip cost twice the delay", async () => {
  await using target = echo();
  await using proxy = startDelayProxy({ targetPort: target.port, oneWayMs: 30 });
  using conn = await connect(proxy.port);
  const startedAtMs = performance.now();
  for (let i = 0; i < 3; i++) {
    await writeAll(conn, PING);
    assert.deepEqual(await readExactly(conn, 4), PING);
  }
  const elapsedMs = performance.now() - startedAtMs;
  assert.ok(elapsedMs >= 180, `${elapsedMs} ms`);
  assert.deepEqual(proxy.traffic(), {
    connections: 1,
    bytes: { to_target: 12, to_client: 12 },
    flights: 6,
  });
});

Deno.test("startDelayProxy() delays a stream as a whole, not each piece, and keeps its order", async () => {
  await using target = echo();
  await using proxy = startDelayProxy({ targetPort: target.port, oneWayMs: 1_000 });
  using conn = await connect(proxy.port);
  const sent = new Uint8Array(8 * 1024 * 1024);
  for (let i = 0; i < sent.length; i++) sent[i] = (i * 31 + (i >> 8) * 7) & 255;
  const startedAtMs = performance.now();
  const [received] = await Promise.all([readExactly(conn, sent.length), writeAll(conn, sent)]);
  const elapsedMs = performance.now() - startedAtMs;
  assert.equal(Buffer.compare(received, sent), 0);
  // At least 32 pieces: one after the other they would take 64 s.
  assert.ok(elapsedMs >= 2_000 && elapsedMs < 40_000, `${elapsedMs} ms`);
});

Deno.test("startDelayProxy() passes the end of one direction on and keeps the other open", async () => {
  await using target = new Target(async (conn) => {
    // Answers only once the client's end of stream has come.
    await writeAll(conn, await readExactly(conn, 100));
  });
  await using proxy = startDelayProxy({ targetPort: target.port, oneWayMs: 5 });
  using conn = await connect(proxy.port);
  await writeAll(conn, PING);
  await conn.closeWrite();
  assert.deepEqual(await readExactly(conn, 100), PING);
});

Deno.test("startDelayProxy() drops the client when the target does not listen", async () => {
  const targetPort = freePort();
  await using proxy = startDelayProxy({ targetPort, oneWayMs: 0 });
  using conn = await connect(proxy.port);
  assert.equal(await read(conn, new Uint8Array(1)), 0);
});

Deno.test("cut() drops the connections there are and lets new ones in", async () => {
  await using target = echo();
  await using proxy = startDelayProxy({ targetPort: target.port, oneWayMs: 1 });
  using first = await connect(proxy.port);
  await writeAll(first, PING);
  await readExactly(first, 4);
  proxy.cut();
  assert.equal(await read(first, new Uint8Array(1)), 0);
  using second = await connect(proxy.port);
  await writeAll(second, PING);
  assert.deepEqual(await readExactly(second, 4), PING);
  assert.equal(proxy.traffic().connections, 2);
});

Deno.test("cutAfter() delivers that many bytes and not one more", async () => {
  await using target = echo();
  await using proxy = startDelayProxy({ targetPort: target.port, oneWayMs: 0 });
  using conn = await connect(proxy.port);
  proxy.cutAfter("to_client", 100_001);
  const writing = writeAll(conn, new Uint8Array(300_000)).catch(() => {});
  assert.equal((await readExactly(conn, 300_000)).length, 100_001);
  await writing;
  using next = await connect(proxy.port);
  await writeAll(next, PING);
  assert.deepEqual(await readExactly(next, 4), PING);
});

Deno.test("freeze() takes bytes and delivers none until thaw()", async () => {
  await using target = echo();
  await using proxy = startDelayProxy({ targetPort: target.port, oneWayMs: 0 });
  using conn = await connect(proxy.port);
  await writeAll(conn, PING);
  await readExactly(conn, 4);
  proxy.freeze();
  const large = new Uint8Array(16 * 1024 * 1024).fill(7);
  await writeAll(conn, large);
  assert.equal(proxy.traffic().bytes.to_client, 4);
  proxy.thaw();
  const received = await readExactly(conn, large.length);
  assert.equal(Buffer.compare(received, large), 0);
});

Deno.test("close() ends a frozen proxy", async () => {
  await using target = echo();
  await using proxy = startDelayProxy({ targetPort: target.port, oneWayMs: 60_000 });
  using late = await connect(proxy.port);
  await writeAll(late, PING);
  proxy.freeze();
  using conn = await connect(proxy.port);
  await writeAll(conn, PING);
  await proxy.close();
  assert.equal(await read(conn, new Uint8Array(1)), 0);
});

Deno.test("startDelayProxy() never answers and never connects when silent", async () => {
  await using target = echo();
  await using proxy = startDelayProxy({ targetPort: target.port, oneWayMs: 0, isSilent: true });
  using conn = await connect(proxy.port);
  // More than socket buffers hold: it returns only because somebody reads.
  const large = new Uint8Array(32 * 1024 * 1024);
  await writeAll(conn, large);
  const answer = read(conn, new Uint8Array(1));
  await proxy.close();
  assert.equal(await answer, 0);
  assert.equal(target.accepted, 0);
  assert.equal(proxy.traffic().bytes.to_client, 0);
});
