import { errorText } from "../errors.ts";
import { writeAll } from "../server/stdio.ts";

/** 128 and the number of SIGPIPE. */
const BROKEN_PIPE = 141;
const FAILED = 1;

/**
 * Writes text for a person. If the reader has closed the pipe, as `head` does, the process ends with the
 * exit code that a shell reports for a program killed by a broken pipe.
 */
export function printTo(output: { writeSync(bytes: Uint8Array): number }, text: string): void {
  try {
    writeAll(output, text);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(BROKEN_PIPE);
    complain(`The output cannot be written: ${errorText(error)}\n`);
    Deno.exit(FAILED);
  }
}

function complain(text: string): void {
  try {
    writeAll(Deno.stderr, text);
  } catch {
    // stderr is the output that cannot be written.
  }
}
