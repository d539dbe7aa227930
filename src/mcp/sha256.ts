/** The part of `node:crypto` that is used here. */
interface Hashing {
  createHash(name: "sha256"): { update(text: string): { digest(form: "hex"): string } };
}

// The types of ssh2 depend on the types of Node 18, which lack this function.
declare global {
  namespace NodeJS {
    interface Process {
      getBuiltinModule(name: "node:crypto"): Hashing;
    }
  }
}

/**
 * Returns the SHA-256 of a text in UTF-8, in hexadecimal. The module is loaded at the first use: its load
 * time would be part of every start.
 */
export function sha256Hex(text: string): string {
  const { createHash } = process.getBuiltinModule("node:crypto");
  return createHash("sha256").update(text).digest("hex");
}
