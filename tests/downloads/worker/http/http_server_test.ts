import assert from "node:assert/strict";
import { systemClock } from "../../../../src/async/clock.ts";
import { HTTP_LIMITS } from "../../../../src/downloads/worker/http/http_limits.ts";
import { listen } from "../../../../src/downloads/worker/http/http_server.ts";
import { createLogger } from "../../../../src/log.ts";
import { RawClient } from "../../http.ts";
import { until } from "../../../support/until.ts";

Deno.test("listen() aborts the signal of a request when the client disconnects", async () => {
  const asked = Promise.withResolvers<void>();
  const left = Promise.withResolvers<unknown>();
  const handler = async ({ signal }: Request) => {
    signal.addEventListener("abort", () => left.resolve(signal.reason), { once: true });
    asked.resolve();
    await left.promise;
    return new Response("too late");
  };
  const options = { host: "127.0.0.1", port: 0, tls: undefined, limits: HTTP_LIMITS };
  const server = await listen(options, handler, systemClock, createLogger("error"));
  await using client = await RawClient.connect(`http://127.0.0.1:${server.port}`);
  await client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
  await asked.promise;
  client.close();
  assert.match(String(await left.promise), /The call was cancelled/);
  await server.close();
});

Deno.test("listen() writes nothing to the log about clients that break off their request", async () => {
  const log: string[] = [];
  const limits = { ...HTTP_LIMITS, headersMs: 1_000, requestMs: 1_000 };
  const options = { host: "127.0.0.1", port: 0, tls: undefined, limits };
  const handler = () => Promise.resolve(new Response("ok"));
  const logger = createLogger("warn", [], (line) => log.push(line));
  const server = await listen(options, handler, systemClock, logger);
  const url = `http://127.0.0.1:${server.port}`;
  for (const body of ["Content-Length: 9\r\n\r\nab", "Transfer-Encoding: chunked\r\n\r\n5\r\nab"]) {
    await using client = await RawClient.connect(url);
    await client.send(`POST / HTTP/1.1\r\nHost: x\r\n${body}`);
    assert.match(await client.rest(), /^HTTP\/1\.1 408 /);
  }
  // On a busy machine this client may be too slow as well.
  const isServed = async () => await (await fetch(url)).text() === "ok";
  await until("an answer", () => isServed().catch(() => false));
  await server.close();
  assert.deepEqual(log, []);
});

Deno.test("listen() prefers a new client to those that send their request slowly", async () => {
  const limits = { ...HTTP_LIMITS, connectionsPerAddress: 3 };
  const options = { host: "127.0.0.1", port: 0, tls: undefined, limits };
  const handler = () => Promise.resolve(new Response("ok"));
  const server = await listen(options, handler, systemClock, createLogger("error"));
  const url = `http://127.0.0.1:${server.port}`;
  const slow: RawClient[] = [];
  for (let n = 0; n < 3; n++) {
    const client = await RawClient.connect(url);
    await client.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n");
    await client.send("Content-Length: 9\r\n\r\n");
    await client.read(100);
    slow.push(client);
  }
  assert.equal(await (await fetch(url)).text(), "ok");
  for (const client of slow) client.close();
  await server.close();
});
