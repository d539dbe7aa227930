import { CHUNK_BYTES } from "./byte_reader.ts";

/**
 * Joins small pieces to chunks of {@linkcode CHUNK_BYTES}; the last one may be shorter or empty. The pieces
 * may be reused afterwards, the chunks are new.
 */
export async function* gathered(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let into = new Uint8Array(CHUNK_BYTES);
  let length = 0;
  for await (let piece of pieces) {
    while (piece.length > 0) {
      const part = piece.subarray(0, into.length - length);
      into.set(part, length);
      length += part.length;
      piece = piece.subarray(part.length);
      if (length < into.length) continue;
      yield into;
      into = new Uint8Array(CHUNK_BYTES);
      length = 0;
    }
  }
  yield into.subarray(0, length);
}
