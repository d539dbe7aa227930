import { writeAll } from "../server/stdio.ts";

/**
 * Writes text for a person. If the reader has gone, as `head` does, there is nobody left to write for:
 * the process ends, with the exit code that a shell gives a program that a broken pipe killed.
 */
export function printTo(output: { writeSync(bytes: Uint8Array): number }, text: string): void {
  try {
    writeAll(output, text);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    Deno.exit(BROKEN_PIPE);
  }
}

/** 128 and the number of SIGPIPE. */
const BROKEN_PIPE = 141;
