/** A refusal in the service's format; the router makes a JSON answer of it. */
export class Refusal extends Error {
  readonly status: number;
  readonly extra: Record<string, unknown>;

  constructor(status: number, message: string, extra: Record<string, unknown> = {}) {
    super(message);
    this.status = status;
    this.extra = extra;
  }
}

/** A planned failure. With `afterEffect` the work is done and only its answer is lost. */
export type Failure =
  & (
    | { kind: "rate_limit"; resetMs: number }
    | { kind: "html"; status: number }
    | { kind: "json"; status: number; message: string }
    | { kind: "cut" }
  )
  & { afterEffect?: boolean };

/** JSON answer with the request id that every answer of the API carries. */
export function jsonReply(status: number, body: unknown, headers?: HeadersInit): Response {
  const all = new Headers(headers);
  all.set("x-ik-requestid", crypto.randomUUID());
  all.set("content-type", "application/json; charset=utf-8");
  return new Response(JSON.stringify(body), { status, headers: all });
}

/** Success without a body (204), with the request id. */
export const emptyReply = (): Response =>
  new Response(null, { status: 204, headers: { "x-ik-requestid": crypto.randomUUID() } });

/** Error body as the API writes it, including the blank before the last period. */
export const errorReply = (
  status: number,
  message: string,
  extra?: object,
  headers?: HeadersInit,
) =>
  jsonReply(status, {
    message,
    help: "For support kindly contact us at support@imagekit.io .",
    ...extra,
  }, headers);

/** Returns the answer of a planned failure in place of `real`, which is absent if nothing was done. */
export async function failureReply(failure: Failure, real?: Response): Promise<Response> {
  if (failure.kind === "cut") return await cutShort(real ?? jsonReply(200, { cut: true }));
  await real?.body?.cancel();
  if (failure.kind === "rate_limit") return rateLimitReply(failure.resetMs);
  if (failure.kind === "json") return errorReply(failure.status, failure.message);
  return new Response(
    `<html><head><title>${failure.status}</title></head><body><h1>Bad gateway</h1></body></html>\n`,
    { status: failure.status, headers: { "content-type": "text/html" } },
  );
}

/** Source: ImageKit "Rate limits": all three headers, reset and interval in milliseconds. */
const rateLimitReply = (resetMs: number): Response =>
  errorReply(429, "You have exceeded the rate limit of this API.", {}, {
    "x-ratelimit-limit": "20",
    "x-ratelimit-reset": String(resetMs),
    "x-ratelimit-interval": "1000",
  });

/** The same head, half of the body, then the end of the connection. */
export async function cutShort(real: Response): Promise<Response> {
  const bytes = await real.bytes();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes.subarray(0, Math.floor(bytes.length / 2)));
      // Ending below the announced length makes the server drop the connection.
      controller.close();
    },
  });
  return withLength(real, body, bytes.length);
}

/** Replaces the body of `real` and announces `length` bytes. */
export function withLength(real: Response, body: ReadableStream<Uint8Array>, length: number) {
  const headers = new Headers(real.headers);
  // An empty answer would announce nothing and could not be cut.
  headers.set("content-length", String(Math.max(1, length)));
  return new Response(body, { status: real.status === 204 ? 200 : real.status, headers });
}
