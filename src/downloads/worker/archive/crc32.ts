import * as zlib from "node:zlib";

/** The native function, which the type declarations of Node 18 (some dependencies bring them) lack. */
interface WithCrc32 {
  crc32(data: Uint8Array, value?: number): number;
}

/** CRC-32 of bytes; `value` is that of the bytes before them. */
export const crc32 = (data: Uint8Array, value = 0): number =>
  // The runtime has it since Node 22.2; only the declarations differ.
  (zlib as unknown as WithCrc32).crc32(data, value);
