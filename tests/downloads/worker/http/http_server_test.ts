import assert from "node:assert/strict";
import { systemClock } from "../../../../src/async/clock.ts";
import { HTTP_LIMITS } from "../../../../src/downloads/worker/http/http_limits.ts";
import { listen } from "../../../../src/downloads/worker/http/http_server.ts";
import { createLogger } from "../../../../src/log.ts";
import { RawClient } from "../../http.ts";

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
