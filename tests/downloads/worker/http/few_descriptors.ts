import { systemClock } from "../../../../src/async/clock.ts";
import { HTTP_LIMITS } from "../../../../src/downloads/worker/http/http_limits.ts";
import { listen } from "../../../../src/downloads/worker/http/http_server.ts";
import { createLogger } from "../../../../src/log.ts";

// A server that allows more connections than the process has file descriptors. It ends with its stdin.
const limits = { ...HTTP_LIMITS, connections: 10_000, connectionsPerAddress: 10_000 };
const options = { host: "127.0.0.1", port: 0, tls: undefined, limits };
const handler = () => Promise.resolve(new Response("served"));
const server = await listen(options, handler, systemClock, createLogger("error"));
await Deno.stdout.write(new TextEncoder().encode(`${server.port}\n`));
await Deno.stdin.read(new Uint8Array(1));
Deno.exit();
