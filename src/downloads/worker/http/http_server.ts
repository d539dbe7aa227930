import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Socket } from "node:net";
import type { Clock } from "../../../async/clock.ts";
import { cancelled } from "../../../errors.ts";
import type { Logger } from "../../../log.ts";
import { Connections, keepAccepting, keyOf } from "./connections.ts";
import { SECURITY_HEADERS } from "./headers.ts";
import type { HttpLimits } from "./http_limits.ts";
import { nextRequest } from "./receipt.ts";
import { breakOff, send } from "./send.ts";

export interface ListenOptions {
  readonly host: string;
  /** 0 means any free port. */
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly limits: HttpLimits;
}

/** A server that listens. */
export interface Listening {
  readonly port: number;
  /** Stops listening and closes all connections. */
  close(): Promise<void>;
}

/** What a handler knows about a request besides the request itself. */
export interface Exchange {
  /** The IP address of the client. */
  readonly address: string;
  /**
   * Reports whether the client has received the answer completely, not only the operating system. The
   * connection is closed after the answer. Call it before the answer is returned.
   */
  received(): Promise<boolean>;
}

/** Answers a request. */
export type HttpHandler = (request: Request, exchange: Exchange) => Promise<Response>;

/** The methods that reach the handler. Others are answered with 405. */
const METHODS = ["GET", "HEAD", "POST"];

/**
 * Serves HTTP/1.1 with backpressure: the next chunk of an answer is requested only when the operating
 * system has accepted the one before, and a client that accepts none for `stallMs` is disconnected.
 *
 * An adapter of `node:http` instead of `Deno.serve`, which keeps connections that send nothing, or one
 * byte a second, for more than 10 minutes, and does not report when a chunk was accepted (measured on
 * 2.9.4).
 *
 * @throws Deno.errors.AddrInUse and others when the address cannot be bound, Deno.errors.InvalidData
 * when the certificate or its key cannot be used
 */
export async function listen(
  options: ListenOptions,
  handler: HttpHandler,
  clock: Clock,
  logger: Logger,
): Promise<Listening> {
  const { host, port, limits } = options;
  probe(options);
  const server = makeServer(options, (request, response) => {
    const onBusy = () => response.once("close", connections.use(request.socket));
    answer(request, response, { handler, limits, clock, onBusy }).catch((error) => {
      logger.warn("an HTTP answer was aborted", error);
      breakOff(response);
    });
  });
  const connections = new Connections(server, limits, clock, logger);
  limitHandshakes(server, options, clock);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve());
  });
  server.on(
    "error",
    (error: Error) => logger.warn("the HTTP server of the download links failed", error),
  );
  const stopAccepting = keepAccepting(server);
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        stopAccepting();
        server.close(() => resolve());
        connections.resetBusy();
        server.closeAllConnections();
      }),
  };
}

/**
 * Finds errors of the address and the certificate now: `node:http` throws those of the address where
 * nobody can catch them, and reports a bad certificate only to each client.
 */
function probe({ host, port, tls }: ListenOptions): void {
  const address = { hostname: host, port };
  const listener = tls === undefined
    ? Deno.listen(address)
    : Deno.listenTls({ ...address, ...tls });
  listener.close();
}

function makeServer(
  { tls, limits }: ListenOptions,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const options = {
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(1_000, limits.headersMs),
    maxHeaderSize: limits.headerBytes,
  };
  return tls === undefined
    ? createServer(options, onRequest)
    : createSecureServer({ ...options, ...tls }, onRequest);
}

/** Limits the TLS handshake, which the limits of `node:http` do not cover. */
function limitHandshakes(server: Server, { tls, limits }: ListenOptions, clock: Clock): void {
  if (tls === undefined) return;
  const waiting = new Map<string, () => void>();
  const settle = (key: string) => {
    waiting.get(key)?.();
    waiting.delete(key);
  };
  server.on("connection", (socket: Socket) => {
    const key = keyOf(socket);
    waiting.set(key, clock.after(limits.headersMs, () => socket.destroy()));
    socket.once("close", () => settle(key));
  });
  server.on("secureConnection", (socket: Socket) => settle(keyOf(socket)));
}

interface AnswerParts {
  readonly handler: HttpHandler;
  readonly limits: HttpLimits;
  readonly clock: Clock;
  /** Called when the request is complete: a client that sends it slowly must not keep others out. */
  readonly onBusy: () => void;
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { handler, limits, clock, onBusy }: AnswerParts,
): Promise<void> {
  const { method = "GET", url = "/" } = incoming;
  nextRequest(incoming.socket);
  if (hostsOf(incoming) > 1) return refuse(outgoing, 400);
  if (!METHODS.includes(method)) return refuse(outgoing, 405, { Allow: METHODS.join(", ") });
  const address = incoming.socket.remoteAddress ?? "unknown";
  const target = URL.parse(url, "http://listener");
  if (target === null) return refuse(outgoing, 400);
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort(cancelled()));
  const body = await readBody(incoming, limits.bodyBytes);
  if (body === "aborted") return breakOff(outgoing);
  if (body === "too large") return refuse(outgoing, 413);
  onBusy();
  const request = new Request(target, {
    method,
    headers: headersOf(incoming),
    signal: gone.signal,
    ...(method === "POST" ? { body } : {}),
  });
  let onReceipt: ((received: boolean) => void) | undefined;
  const received = () => {
    const receipt = Promise.withResolvers<boolean>();
    onReceipt = receipt.resolve;
    return receipt.promise;
  };
  const response = await handler(request, { address, received });
  await send(response, outgoing, limits, clock, onReceipt);
}

/** If there are several, a proxy and this server could each use a different one. */
const hostsOf = ({ rawHeaders }: IncomingMessage): number =>
  rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host").length;

function refuse(outgoing: ServerResponse, status: number, headers: Record<string, string> = {}) {
  outgoing.writeHead(status, {
    ...SECURITY_HEADERS,
    ...headers,
    "Content-Length": "0",
    Connection: "close",
  });
  outgoing.end();
}

async function readBody(
  incoming: IncomingMessage,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | "too large" | "aborted"> {
  const body = new Uint8Array(maxBytes);
  let size = 0;
  try {
    for await (const chunk of incoming) {
      if (!(chunk instanceof Uint8Array) || size + chunk.length > maxBytes) return "too large";
      body.set(chunk, size);
      size += chunk.length;
    }
  } catch {
    // The client is gone, or was too slow. Anybody can do that, so the log must not grow by it.
    return "aborted";
  }
  return body.subarray(0, size);
}

function headersOf(incoming: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    for (const one of [value].flat()) {
      if (one !== undefined) headers.append(name, one);
    }
  }
  return headers;
}
