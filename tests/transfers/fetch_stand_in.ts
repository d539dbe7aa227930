/** The answer of a {@linkcode FetchStandIn}: a response, or an error like that of a broken connection. */
export type Reply = () => Response | Error | Promise<Response>;

/** A request that reached the stand-in. */
export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly redirect: string | undefined;
}

/** A fetch that answers from a list, one request after the other. One more request is an error. */
export class FetchStandIn {
  readonly asked: Asked[] = [];
  readonly #replies: Reply[];

  constructor(...replies: Reply[]) {
    this.#replies = replies;
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const url = new URL(String(input));
    const { method = "GET", headers, redirect } = init ?? {};
    this.asked.push({ method, url, headers: new Headers(headers), redirect });
    const reply = this.#replies.shift();
    if (reply === undefined) throw new Error(`Not expected: ${method} ${url.pathname}`);
    const answer = await reply();
    if (answer instanceof Error) throw answer;
    return method === "HEAD" ? await withoutBody(answer) : answer;
  };

  get methods(): string[] {
    return this.asked.map(({ method }) => method);
  }
}

/** The answer to HEAD has no body, also if the service explains a refusal. */
async function withoutBody(answer: Response): Promise<Response> {
  await answer.body?.cancel();
  return new Response(null, { status: answer.status, headers: answer.headers });
}

/** An S3 refusal. */
export const refusal = (
  status: number,
  code: string,
  message = "",
  headers: Record<string, string> = {},
): Reply =>
() =>
  new Response(
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
    {
      status,
      headers,
    },
  );

/** Returns an answer with an object's headers; without a body it is the answer to HEAD. */
export function objectReply(
  size: number,
  body: BodyInit | null = null,
  headers: Record<string, string> = {},
  status = 200,
): Reply {
  return () =>
    new Response(body, {
      status,
      headers: {
        "content-length": String(size),
        "etag": '"0123"',
        "last-modified": new Date().toUTCString(),
        ...headers,
      },
    });
}

/** Returns a body that ends after these bytes, or fails with the error. */
export function brokenBody(bytes: Uint8Array, error?: Error): ReadableStream<Uint8Array> {
  let sent = false;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (!sent) {
        sent = true;
        return controller.enqueue(bytes);
      }
      if (error === undefined) controller.close();
      else controller.error(error);
    },
  });
}
