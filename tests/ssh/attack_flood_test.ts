import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import ssh2, { type Connection, type ServerChannel } from "ssh2";
import { waitingClock } from "../../src/async/clock.ts";
import { every } from "../../src/async/every.ts";
import { createLogger } from "../../src/log.ts";
import { Dialer } from "../../src/ssh/worker/connection/dial.ts";
import { ConnectionPool } from "../../src/ssh/worker/connection/pool.ts";
import { privateKeyOf } from "../fakes/ssh_host_keys.ts";
import { sessionTest } from "../support/session.ts";

/** The private part of ssh2 that sends without regard to the window. */
interface Raw {
  channelData(channel: number, data: Buffer): void;
}
const rawOf = (connection: Connection) =>
  (connection as unknown as { readonly _protocol: Raw })._protocol;

/** Starts a server that does something hostile once a command was requested. */
async function startHostile(attack: (connection: Connection, channel: ServerChannel) => void) {
  const server = new ssh2.Server({ hostKeys: [privateKeyOf("ed25519")] }, (connection) => {
    connection.on("error", () => {});
    connection.on("authentication", (context) => context.accept());
    connection.on("session", (accept) => {
      accept().on("exec", (acceptExec) => attack(connection, acceptExec()));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
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
  const pool = new ConnectionPool((limitMs) => dialer.dial(limitMs), 5_000, logger);
  const signal = new AbortController().signal;
  const wait = { deadlineMs: performance.now() + 5_000, limitMs: 5_000, signal };
  return { start: () => pool.start("anything", wait), pool, logged };
}

Deno.test("a host that sends output past its window while nobody reads is cut off", async () => {
  let sent = 0;
  await using server = await startHostile((connection, channel) => {
    const { id } = (channel as unknown as { readonly outgoing: { readonly id: number } }).outgoing;
    const timer = setInterval(() => {
      for (let turn = 0; turn < 32; turn++) {
        rawOf(connection).channelData(id, Buffer.alloc(32_000, "x"));
        sent += 32_000;
      }
    }, 1);
    connection.on("close", () => clearInterval(timer));
  });
  const { start, pool, logged } = poolOf(server.port);
  const command = await start();
  await new Promise<void>((resolve) => {
    const stop = every(waitingClock, 20, () => {
      if (command.isConnected()) return;
      stop();
      resolve();
    });
  });
  assert.ok(sent < 100_000_000, `${sent} bytes`);
  assert.ok(logged.some((line) => /sends more than it may/.test(line)), logged.join("\n"));
  await pool.close(500);
});

sessionTest(
  "200 uploads at once all succeed, eight at a time",
  async ({ session, directory, host }) => {
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
