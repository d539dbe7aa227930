import { shellQuote } from "../../../shell/quote.ts";

/**
 * A shell command that prints the sha256 (lower-case hex, first word) of its stdin with whatever
 * tool the host has, or nothing. Content comes through stdin: `sha256sum` escapes odd file names.
 */
export const HASH_STDIN = "if command -v sha256sum >/dev/null 2>&1; then sha256sum; " +
  "elif command -v shasum >/dev/null 2>&1; then shasum -a 256; " +
  "elif command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r; fi";

/** openssl uses the processor's SHA instructions and pays off from here on (about 4 × coreutils). */
const LARGE_BYTES = 8 * 1024 * 1024;
const FAST_STDIN =
  `if command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r; else ${HASH_STDIN}; fi`;

/** A command line for any login shell that hashes the first `size` bytes of a file. */
export function hashCommand(path: string, size: number): string {
  const tool = size < LARGE_BYTES ? HASH_STDIN : FAST_STDIN;
  // Opened first: where the shell sees other files than SFTP does, nothing must not get a hash.
  const opened = `exec < ${shellQuote(operand(path))} || exit`;
  // `head` reads at most what was transferred: a log that has grown since is still the same so far.
  return `sh -c ${shellQuote(`${opened}; head -c ${size} | { ${tool}; }`)}`;
}

/** The first word of the hash command's output, if it is a sha256. */
export function parseHash(stdout: string): string | undefined {
  return /^\\?([0-9a-f]{64})\b/.exec(stdout.trim())?.[1];
}

/** A path that no shell or program takes for an option or a device of its own. */
const operand = (path: string): string => path.startsWith("/") ? path : `./${path}`;
