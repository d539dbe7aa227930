/**
 * The body of an answer as long as it has at most `maxBytes`; a service that is broken or is not the
 * one that it seems could send without end.
 *
 * @throws TypeError within the stream, as for a connection that broke
 */
export function boundedBody(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let seen = 0;
  return body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        seen += chunk.length;
        if (seen > maxBytes) throw new TypeError("the answer is too long");
        controller.enqueue(chunk);
      },
    }),
  );
}

/** The text of an answer. @throws TypeError when it has more than `maxBytes` */
export const boundedText = (response: Response, maxBytes: number): Promise<string> =>
  response.body === null
    ? Promise.resolve("")
    : new Response(boundedBody(response.body, maxBytes)).text();

/** The same answer with a body that is bounded. */
export function boundedResponse(response: Response, maxBytes: number): Response {
  const { status, statusText, headers, body } = response;
  if (body === null) return response;
  return new Response(boundedBody(body, maxBytes), { status, statusText, headers });
}
