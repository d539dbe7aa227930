import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import ssh2, { type Connection, type ServerChannel } from "ssh2";
import { createLogger } from "../../src/log.ts";
import { Dialer } from "../../src/ssh/worker/connection/dial.ts";
import { ConnectionPool } from "../../src/ssh/worker/connection/pool.ts";
import { privateKeyOf } from "../fakes/ssh_host_keys.ts";
import { until } from "../support/until.ts";
import { sessionTest } from "../support/session.ts";

/** The private part of ssh2 that sends without regard to the window. */
interface Raw {
  channelData(channel: number, data: Buffer): void;
  readonly _packetRW: {
    readonly write: {
      readonly allocStart: number;
      alloc(size: number): Buffer;
      finalize(packet: Buffer): Buffer;
    };
  };
  readonly _cipher: { encrypt(packet: Buffer): void };
}
const rawOf = (connection: Connection) =>
  (connection as unknown as { readonly _protocol: Raw })._protocol;

const socketOf = (connection: Connection) =>
  (connection as unknown as { readonly _sock: { pause(): void; destroy(): void } })._sock;

const text = (value: string) => {
  const bytes = Buffer.alloc(4 + value.length);
  bytes.writeUInt32BE(value.length);
  bytes.write(value, 4);
  return bytes;
};
/** Source: RFC 4254 sections 4 and 5.1, RFC 4253 section 12. */
const REQUESTS: Readonly<Record<string, (channel: number) => Buffer>> = {
  "keepalive@openssh.com": () => globalRequest("keepalive@openssh.com"),
  "hostkeys-00@openssh.com": () => globalRequest("hostkeys-00@openssh.com"),
  "no-such-request": () => globalRequest("no-such-request", Buffer.alloc(1_000)),
  "requests on the channel": (channel) => {
    const id = Buffer.alloc(4);
    id.writeUInt32BE(channel);
    return Buffer.concat([Buffer.of(98), id, text("keepalive@openssh.com"), Buffer.of(1)]);
  },
  "channels": () =>
    Buffer.concat([Buffer.of(90), text("x11"), Buffer.alloc(12), text("h"), Buffer.alloc(4)]),
};

const globalRequest = (name: string, data = Buffer.alloc(0)) =>
  Buffer.concat([Buffer.of(80), text(name), Buffer.of(1), data]);

function sendPacket(connection: Connection, payload: Buffer): void {
  const { _packetRW: { write }, _cipher } = rawOf(connection);
  const packet = write.alloc(payload.length);
  packet.set(payload, write.allocStart);
  _cipher.encrypt(write.finalize(packet));
}

/** Bytes of this isolate. The process also runs other files. */
function memory(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** Resolves when the connection of a command has ended. */
const ended = (command: { isConnected(): boolean }) =>
  until("the end of the connection", () => !command.isConnected());

/** Starts a server that does something hostile once a command was requested. */
async function startHostile(attack: (connection: Connection, channel: ServerChannel) => void) {
  const connections: Connection[] = [];
  const server = new ssh2.Server({ hostKeys: [privateKeyOf("ed25519")] }, (connection) => {
    connections.push(connection);
    connection.on("error", () => {});
    connection.on("authentication", (context) => context.accept());
    connection.on("session", (accept) => {
      accept().on("exec", (acceptExec) => attack(connection, acceptExec()));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    [Symbol.asyncDispose]: () => {
      // A socket that does not read does not notice that its peer is gone.
      for (const connection of connections) socketOf(connection).destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function poolOf(port: number) {
  const logged: string[] = [];
  const logger = createLogger("warn", [], (line) => logged.push(line));
  const dialer = new Dialer({
    host: "127.0.0.1",
    port,
    username: "somebody",
    login: { kind: "password", password: "x" },
    knownHostsPaths: [],
    strictHostKeyChecking: false,
  }, logger);
  const pool = new ConnectionPool((limitMs) => dialer.dial(limitMs), 30_000, logger);
  const signal = new AbortController().signal;
  const wait = { deadlineMs: performance.now() + 30_000, limitMs: 30_000, signal };
  return { start: () => pool.start("anything", wait), pool, logged };
}

Deno.test("a host that sends output past its window while nobody reads is cut off", async () => {
  let sent = 0;
  await using server = await startHostile((connection, channel) => {
    const { id } = (channel as unknown as { readonly outgoing: { readonly id: number } }).outgoing;
    const timer = setInterval(() => {
      for (let turn = 0; turn < 32 && sent < 100_000_000; turn++) {
        rawOf(connection).channelData(id, Buffer.alloc(32_000, "x"));
        sent += 32_000;
      }
    }, 1);
    connection.on("close", () => clearInterval(timer));
  });
  const { start, pool, logged } = poolOf(server.port);
  const command = await start();
  await ended(command);
  assert.ok(logged.some((line) => /sends more than it may/.test(line)), logged.join("\n"));
  await pool.close(500);
});

for (const [name, request] of Object.entries(REQUESTS)) {
  for (const reads of [true, false]) {
    const how = reads ? "reads" : "does not read";
    Deno.test(`a host that sends requests after the login and ${how} the answers is cut off (${name})`, async () => {
      let sent = 0;
      await using server = await startHostile((connection, channel) => {
        const { id } =
          (channel as unknown as { readonly outgoing: { readonly id: number } }).outgoing;
        if (!reads) socketOf(connection).pause();
        const timer = setInterval(() => {
          for (let turn = 0; turn < 500 && sent < 100_000; turn++, sent++) {
            sendPacket(connection, request(id));
          }
        }, 1);
        connection.on("close", () => clearInterval(timer));
      });
      const { start, pool, logged } = poolOf(server.port);
      const before = memory();
      const command = await start();
      await ended(command);
      assert.ok(memory() - before < 200_000_000);
      assert.match(
        logged.join(""),
        /127\.0\.0\.1 sends requests without end; the connection is ended/,
      );
      await pool.close(500);
    });
  }
}

sessionTest(
  "200 uploads at once all succeed, eight at a time",
  async ({ session, directory, host, exec }) => {
    // Calls that begin while a login takes long would make another one.
    await exec("true");
    const content = new Uint8Array(100_000);
    const signal = new AbortController().signal;
    await Promise.all(Array.from({ length: 200 }, async (_, index) => {
      await Deno.writeFile(`${directory}/up${index}`, content);
      const { bytes } = await session.copy(
        {
          from: { kind: "local", path: `up${index}` },
          to: { kind: "host", path: `there${index}` },
          maxBytes: 1_000_000,
          overwrite: true,
        },
        signal,
        undefined,
      );
      assert.equal(bytes, 100_000);
    }));
    assert.ok(host.connectionCount() <= 2, `${host.connectionCount()} connections`);
  },
);
