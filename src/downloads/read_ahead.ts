/** A stream from another worker brings each piece in a message of its own: this many are asked for. */
const PIECES = 8;

/**
 * The pieces of a stream, some of which are on their way while one is used. Leaving the loop early
 * cancels the stream.
 */
export async function* readAhead(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
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
    await reader.cancel().catch(() => {});
  }
}
