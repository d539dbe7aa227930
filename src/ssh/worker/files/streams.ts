import type { Source } from "./file_end.ts";

/**
 * A source's content as a stream that another worker can be given. It is read at that worker's pace;
 * an error of reading errors the stream, cancelling it closes the source.
 */
export function toStream(source: Source): ReadableStream<Uint8Array> {
  const chunks = source.chunks()[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await chunks.next().catch(async (error) => {
        await source.close();
        throw error;
      });
      if (done) {
        await source.close();
        controller.close();
      } else {
        // No copy: crossing the border copies it before the next one is asked for.
        controller.enqueue(value);
      }
    },
    async cancel() {
      // Not waited for: a read that stands still would keep the source open.
      chunks.return?.()?.catch(() => {});
      await source.close();
    },
  }, { highWaterMark: 0 });
}

/** A stream of another worker as a source. `size` is checked when it is known. */
export function fromStream(
  stream: ReadableStream<Uint8Array>,
  path: string,
  size: number | undefined,
): Source {
  return {
    size,
    path,
    async *chunks() {
      for await (const chunk of stream) yield chunk;
    },
    async close() {
      if (!stream.locked) await stream.cancel().catch(() => {});
    },
  };
}
