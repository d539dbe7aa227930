import crypto from "node:crypto";
import { BLOCK_BYTES, chacha20Block } from "./chacha20_block.ts";

type Update = (data: Uint8Array) => Uint8Array;
interface Cipher {
  update: Update;
  final(): unknown;
}

/**
 * Makes ssh2's chacha20 ciphers cheaper, and finalizes them after their only use. Only this worker's `node:crypto`
 * changes. ssh2 copies its functions when it loads, so this module must be loaded first, by an `import()` of its own:
 * a bundle loads packages before its own code.
 *
 * ssh2 creates three chacha20 ciphers per packet, calls `update()` once and drops them. Two of them have at
 * most 32 bytes to encrypt, for which a cipher of Deno takes 3.2 µs and {@linkcode chacha20Block} 0.6 µs.
 * Deno frees the native part of a cipher only in `final()`, so each packet leaked about 1 kB (200 MB after
 * 6 GB). Source: ssh2 1.17.0 lib/protocol/crypto.js ChaChaPoly*Native; measured on Deno 2.9.4.
 */
for (const name of ["createCipheriv", "createDecipheriv"] as const) {
  const original = crypto[name] as (...args: readonly unknown[]) => Cipher;
  const patched = (algorithm: unknown, key: unknown, iv: unknown, ...rest: readonly unknown[]) =>
    algorithm === "chacha20" && key instanceof Uint8Array && iv instanceof Uint8Array
      ? usedOnce(key, iv, () => original(algorithm, key, iv, ...rest))
      : original(algorithm, key, iv, ...rest);
  Object.defineProperty(crypto, name, { value: patched, configurable: true, writable: true });
}

function usedOnce(key: Uint8Array, iv: Uint8Array, create: () => Cipher): { update: Update } {
  return {
    update(data) {
      if (data.length <= BLOCK_BYTES) return chacha20Block(key, iv, data);
      const cipher = create();
      const out = cipher.update(data);
      cipher.final();
      return out;
    },
  };
}
