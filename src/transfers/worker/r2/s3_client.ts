import { AwsV4Signer } from "aws4fetch";
import { deadline } from "../../../async/deadline.ts";
import { retry } from "../../../async/retry.ts";
import type { R2Config } from "../../../config/config.ts";
import { RemoteExecError } from "../../../errors.ts";
import { boundedText, emptyBody } from "../response_body.ts";
import type { BridgeTools } from "../bridge.ts";
import { aheadMs } from "../service_clock.ts";
import {
  hostNotPermitted,
  parseRefusal,
  type S3Refusal,
  serviceError,
  serviceUnreachable,
} from "./s3_errors.ts";

const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 20_000;
const ANSWER_LIMIT_MS = 30_000;
/** An upload below this speed counts as stalled: two parallel parts need 1 Mbit/s. */
const MIN_BYTES_PER_MS = 64;
/** Enough for a page of a listing: 1,000 keys of 1,024 bytes, each byte as up to six characters. */
const MAX_TEXT_BYTES = 16 * 1_048_576;
const MAX_REFUSAL_BYTES = 65_536;
const RETRIED = new Set([408, 429, 500, 502, 503, 504]);

/** One request to the service. It is retried after temporary faults, so it must be safe to repeat. */
export interface S3Request {
  /** What the request does, for messages: "upload a.txt". */
  readonly action: string;
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
  /** Limit of one attempt, to the end of a text response or the head of a streamed response. */
  readonly limitMs?: number;
  /** The URL is already signed. */
  readonly presigned?: boolean;
}

/** A response with status 2xx. */
export interface S3Success<Body> {
  readonly ok: true;
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** A response, or the refusal. */
export type S3Answer<Body> = S3Success<Body> | {
  readonly ok: false;
  readonly refusal: S3Refusal;
};

/**
 * Signs, sends and retries requests to one S3 service. It is our own code on `aws4fetch` (11 KB, 1 ms to
 * load, needs only `net`): the AWS SDK 3.1169 has 23 MB in 38 packages, takes 96 ms to load, and needs the
 * environment, the home directory and all of `sys` (measured).
 */
export class S3Client {
  readonly #config: R2Config;
  readonly #tools: BridgeTools;
  readonly #keys = new Map<string, ArrayBuffer>();
  #aheadMs: number | undefined;

  constructor(config: R2Config, tools: BridgeTools) {
    this.#config = config;
    this.#tools = tools;
  }

  /** Milliseconds by which this machine is ahead of the service; undefined before the first response. */
  get aheadMs(): number | undefined {
    return this.#aheadMs;
  }

  /** Returns the text of a 2xx response. @throws RemoteExecError for any other */
  async text(request: S3Request): Promise<S3Success<string>> {
    return this.insist(request.action, await this.askText(request));
  }

  /** Like {@link text}, but returns a refusal. */
  askText(request: S3Request): Promise<S3Answer<string>> {
    return this.#ask(request, (response) => boundedText(response, MAX_TEXT_BYTES));
  }

  /** Like {@link askText}, with the body as a stream. The request's signal ends the stream too. */
  askStream(request: S3Request): Promise<S3Answer<ReadableStream<Uint8Array>>> {
    return this.#ask(request, (response) => Promise.resolve(response.body ?? emptyBody()));
  }

  /** Returns the success. @throws RemoteExecError for a refusal */
  insist<Body>(action: string, answer: S3Answer<Body>): S3Success<Body> {
    if (answer.ok) return answer;
    throw this.errorOf(action, answer.refusal);
  }

  errorOf(action: string, refusal: S3Refusal): RemoteExecError {
    return serviceError(action, refusal, this.#config, this.#tools.clock.now());
  }

  /** Returns a URL that anybody can use until `expiresAtMs`. All `headers` have to be sent with it. */
  async presign(
    method: "GET" | "PUT",
    url: URL,
    expiresAtMs: number,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const signed = new URL(url);
    // Rounded up, because the time of the signature is rounded down to a second.
    const seconds = Math.ceil((expiresAtMs - this.#tools.clock.now()) / 1000);
    signed.searchParams.set("X-Amz-Expires", String(Math.max(1, seconds)));
    const signer = this.#signer({ method, url: signed, headers }, true);
    const presigned = (await signer.sign()).url;
    // A space in the query is signed as %20; not every server reads "+" as a space.
    presigned.search = presigned.search.replaceAll("+", "%20");
    return presigned.href;
  }

  async #ask<Body>(
    request: S3Request,
    read: (response: Response) => Promise<Body>,
  ): Promise<S3Answer<Body>> {
    const { signal } = request;
    const { clock } = this.#tools;
    const pauseMs = (error: unknown, attempt: number) =>
      error instanceof TemporaryFault ? error.retryAfterMs ?? backoff(attempt) : undefined;
    try {
      const attempt = () => this.#attempt(request, read);
      return await retry(attempt, { attempts: ATTEMPTS, pauseMs, signal, clock });
    } catch (error) {
      if (!(error instanceof TemporaryFault)) throw error;
      if (error.refusal === undefined) throw error.cause;
      return { ok: false, refusal: error.refusal };
    }
  }

  /** Sends the request once. @throws TemporaryFault when a retry may help; RemoteExecError */
  async #attempt<Body>(
    request: S3Request,
    read: (response: Response) => Promise<Body>,
  ): Promise<S3Answer<Body>> {
    const { action, signal } = request;
    const { clock } = this.#tools;
    const limitMs = request.limitMs ?? limitFor(request.body?.length ?? 0);
    const late = () =>
      serviceUnreachable(action, this.#config, new Error(`no response in ${limitMs / 1000} s`));
    try {
      const ask = (both: AbortSignal) => this.#exchange(request, both, read);
      return await deadline(ask, limitMs, { clock, signal, late });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof TemporaryFault) throw error;
      if (error instanceof Deno.errors.NotCapable) throw hostNotPermitted(action, request.url.host);
      throw new TemporaryFault(
        error instanceof RemoteExecError ? error : serviceUnreachable(action, this.#config, error),
      );
    }
  }

  async #exchange<Body>(
    request: S3Request,
    signal: AbortSignal,
    read: (response: Response) => Promise<Body>,
  ): Promise<S3Answer<Body>> {
    const response = await this.#tools.fetch(...await this.#prepared(request, signal));
    const { status, headers } = response;
    this.#aheadMs = aheadMs(headers, this.#tools.clock.now()) ?? this.#aheadMs;
    if (response.ok) return { ok: true, status, headers, body: await read(response) };
    const text = await boundedText(response, MAX_REFUSAL_BYTES);
    const refusal = parseRefusal(status, headers, text);
    if (!RETRIED.has(status)) return { ok: false, refusal };
    throw new TemporaryFault(undefined, refusal, retryAfter(headers));
  }

  async #prepared(request: S3Request, signal: AbortSignal): Promise<[URL, RequestInit]> {
    const { url, headers } = request.presigned
      ? { url: request.url, headers: new Headers(request.headers) }
      : await this.#signedHeaders(request);
    // The runtime would otherwise request compressed bytes and unpack them.
    headers.set("accept-encoding", "identity");
    const { method, body } = request;
    // A redirect could lead to any host; its status counts as a refusal.
    return [url, { method, headers, signal, redirect: "manual", ...(body ? { body } : {}) }];
  }

  async #signedHeaders(request: S3Request) {
    const { body } = request;
    // The service compares the body with this hash, so it never stores an incomplete part.
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", body ?? new Uint8Array()));
    const headers = { ...request.headers, "x-amz-content-sha256": hash.toHex() };
    return await this.#signer({ ...request, headers }, false).sign();
  }

  #signer(
    request: Pick<S3Request, "method" | "url" | "headers">,
    signQuery: boolean,
  ): AwsV4Signer {
    const { accessKey, secretKey, region } = this.#config;
    return new AwsV4Signer({
      method: request.method,
      url: request.url.href,
      headers: { ...request.headers },
      accessKeyId: accessKey,
      secretAccessKey: secretKey,
      service: "s3",
      region,
      cache: this.#keys,
      datetime: amzDate(this.#tools.clock.now()),
      signQuery,
      // Only what is signed restricts a URL, so length and range are signed too.
      allHeaders: signQuery,
    });
  }
}

/** A temporary fault: a refusal, or an error of the connection. */
class TemporaryFault extends Error {
  constructor(
    cause: RemoteExecError | undefined,
    readonly refusal?: S3Refusal,
    readonly retryAfterMs?: number,
  ) {
    super("a temporary fault", { cause });
  }
}

const limitFor = (bytes: number): number => ANSWER_LIMIT_MS + bytes / MIN_BYTES_PER_MS;

/** Doubles with each attempt, with a random part so that several clients do not retry together. */
const backoff = (attempt: number): number =>
  FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);

function retryAfter(headers: Headers): number | undefined {
  const seconds = Number(headers.get("retry-after") ?? NaN);
  return Number.isFinite(seconds) && seconds >= 0
    ? Math.min(seconds * 1000, MAX_PAUSE_MS)
    : undefined;
}

const amzDate = (ms: number): string => new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, "");
