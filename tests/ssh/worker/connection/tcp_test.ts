import assert from "node:assert/strict";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { peerTest, ROOT } from "../../../peers/require.ts";
import { outputOf } from "../../../support/command.ts";
import { startBlackHole } from "./black_hole.ts";
import {
  connectTcp,
  type Network,
  NoAddressAnswers,
} from "../../../../src/ssh/worker/connection/tcp.ts";
import { freePort } from "../../../support/free_port.ts";

/** A network in which a name has these addresses; those of IPv6 are stand-ins on loopback. */
function networkOf(v4: readonly string[], v6: Readonly<Record<string, string>> = {}): Network {
  const real = (address: string) => v6[address] ?? address;
  return {
    lookup: () => Promise.resolve([...v4, ...Object.keys(v6)]),
    connect: (_host, port, family) => {
      const address = family === 6 ? Object.values(v6)[0] : v4[0] ?? Object.values(v6)[0];
      return connect({ host: address ?? assert.fail(), port, autoSelectFamily: false });
    },
    // Like `Deno.connect` with a name, without its delay between two attempts.
    async connectAny(_host, port, signal) {
      const isWon = new AbortController();
      const stop = AbortSignal.any([signal, isWon.signal]);
      const all = [...v4, ...Object.keys(v6)].map(real)
        .map((hostname) => Deno.connect({ hostname, port, signal: stop }));
      try {
        return await Promise.any(all);
      } catch (error) {
        throw (error as AggregateError).errors.at(-1);
      } finally {
        isWon.abort();
      }
    },
  };
}

const limit = (limitMs = 30_000) => AbortSignal.timeout(limitMs);

/** Starts a server that says hello and echoes one message. */
function startEcho(hostname: string) {
  const listener = Deno.listen({ hostname, port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      const buffer = new Uint8Array(100);
      const count = await connection.read(buffer);
      if (count !== null) await connection.write(buffer.subarray(0, count));
      connection.close();
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving.catch(() => {});
    },
  };
}

async function echo(socket: Awaited<ReturnType<typeof connectTcp>>, text: string) {
  const answer: Uint8Array[] = [];
  socket.on("data", (chunk: Uint8Array) => answer.push(chunk));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write(text);
  await closed;
  return new TextDecoder().decode(answer[0]);
}

const CASES: Readonly<Record<string, Network>> = {
  "the first of two kinds is dead": networkOf(["127.0.0.9"], { "::9": "127.0.0.1" }),
  "the second of two kinds is dead": networkOf(["127.0.0.1"], { "::9": "127.0.0.9" }),
  "the first of two addresses of one kind is dead": networkOf(["127.0.0.9", "127.0.0.1"]),
  "there is one": networkOf([], { "::9": "127.0.0.1" }),
};

for (const [name, network] of Object.entries(CASES)) {
  Deno.test(`connectTcp() connects to the address that answers: ${name}`, async () => {
    await using server = startEcho("127.0.0.1");
    const socket = await connectTcp("name", server.port, limit(), network);
    assert.equal(await echo(socket, "hello"), "hello");
  });
}

for (
  const [name, network] of Object.entries({
    "of two": networkOf(["127.0.0.9", "127.0.0.1"]),
    "of three": networkOf(["127.0.0.9", "127.0.0.8", "127.0.0.1"]),
    "of two kinds": networkOf([], { "::9": "127.0.0.9", "::8": "127.0.0.1" }),
  })
) {
  Deno.test(`connectTcp() does not wait for a first address that never answers (${name})`, async () => {
    await using server = startEcho("127.0.0.1");
    await using _ = await startBlackHole("127.0.0.9", server.port);
    // Linux gives an address up after two minutes.
    const socket = await connectTcp("name", server.port, limit(60_000), network);
    assert.equal(await echo(socket, "hello"), "hello");
  });
}

Deno.test("connectTcp() ends at its limit and names the addresses that never answer", async () => {
  const port = freePort();
  await using _ = await startBlackHole("127.0.0.9", port);
  const network = networkOf(["127.0.0.9", "127.0.0.8"]);
  // The second address refuses at once, but only `Deno.connect` knows it.
  const error = await connectTcp("name", port, limit(3_000), {
    ...network,
    connectAny: (_host, _port, signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  }).catch((error) => error);
  assert.ok(error instanceof NoAddressAnswers);
  const found = error.message.split("; ").sort();
  assert.deepEqual(found, ["127.0.0.8: no connection in time", "127.0.0.9: no answer"]);
});

peerTest({
  name: "connectTcp() reaches the second address of a name with the permission for the name only",
  peer: ROOT,
  async fn() {
    const script = fileURLToPath(new URL("two_addresses.ts", import.meta.url));
    const hosts = await Deno.makeTempFile();
    await Deno.writeTextFile(hosts, "127.0.0.9 two-addresses\n127.0.0.8 two-addresses\n");
    const run = `mount --bind "$1" /etc/hosts && exec "$2" run -A --no-check "$3"`;
    const output = await outputOf(
      "unshare",
      "-m",
      "sh",
      "-c",
      run,
      "-",
      hosts,
      Deno.execPath(),
      script,
    );
    await Deno.remove(hosts);
    assert.equal(output, "connected");
  },
});

Deno.test("connectTcp() names each address and its reason when none answers", async () => {
  const port = freePort();
  const network = networkOf(["127.0.0.8", "127.0.0.7"], { "::9": "127.0.0.9" });
  const error = await connectTcp("name", port, limit(), network).catch((error) => error);
  assert.ok(error instanceof NoAddressAnswers);
  assert.equal(
    error.message,
    ["127.0.0.8", "::9", "127.0.0.7"].map((each) => `${each}: connection refused`).join("; "),
  );
});

Deno.test("connectTcp() reports an unknown name once", async () => {
  const error = await connectTcp("none.invalid", 22, limit(60_000))
    .catch((error) => error);
  assert.ok(error instanceof NoAddressAnswers);
  assert.equal(error.failures.length, 1);
  assert.match(error.failures[0]?.reason ?? "", /^the name (is unknown|cannot be resolved now)$/);
});
