import { createHash } from "node:crypto";
import { join } from "node:path";

/** Returns the sha256 of bytes in hexadecimal. */
export const sha256 = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");

/** Returns the text of SHA256SUMS for files of a directory, as `sha256sum --check` reads it. */
export const checksums = (directory: string, names: readonly string[]): string =>
  [...names].sort().map((name) => `${sha256(Deno.readFileSync(join(directory, name)))}  ${name}\n`)
    .join("");
