import crypto from "node:crypto";

type Update = (data: Uint8Array) => Uint8Array;

/**
 * Makes ssh2's chacha20 ciphers end after their one use. To be imported before ssh2, which takes the
 * functions of `node:crypto` when it is loaded; only this worker's copy of that module is changed.
 *
 * ssh2 makes three or four chacha20 ciphers for each packet, calls `update()` once and drops them. Deno
 * frees the native side of a cipher in `final()` only, so that every packet loses about 1 kB for good:
 * 200 MB after 6 GB. Source: ssh2 1.17.0 lib/protocol/crypto.js ChaChaPoly*Native; measured on 2.9.4.
 */
for (const name of ["createCipheriv", "createDecipheriv"] as const) {
  const original = crypto[name] as (
    ...args: readonly unknown[]
  ) => { update: Update; final(): unknown };
  const patched = (algorithm: unknown, ...rest: readonly unknown[]) => {
    const cipher = original(algorithm, ...rest);
    return algorithm === "chacha20" ? usedOnce(cipher) : cipher;
  };
  Object.defineProperty(crypto, name, { value: patched, configurable: true, writable: true });
}

function usedOnce(cipher: { update: Update; final(): unknown }): { update: Update } {
  return {
    update(data) {
      const out = cipher.update(data);
      cipher.final();
      return out;
    },
  };
}
