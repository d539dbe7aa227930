/** A stream from another worker brings each piece in a message of its own: this many are asked for. */
const PIECES = 8;

/**
 * The pieces of a stream, some of which are on their way while one is used. Leaving the loop early
 * cancels the stream; so does `signal`, which also ends a read that waits.
 */
export async function* readAhead(
  stream: ReadableStream<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  const cancel = () => reader.cancel().catch(() => {});
  signal?.addEventListener("abort", cancel, { once: true });
  if (signal?.aborted) cancel();
  const read = () => {
    const next = reader.read();
    // A failure is met when its turn comes.
    next.catch(() => {});
    return next;
  };
  const coming = Array.from({ length: PIECES }, read);
  try {
    for (let next = coming.shift(); next !== undefined; next = coming.shift()) {
      const { done, value } = await next;
      if (done) return;
      coming.push(read());
      yield value;
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    await cancel();
  }
}
