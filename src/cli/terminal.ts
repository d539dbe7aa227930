import { printTo } from "./print.ts";

/** Where a command reads answers and prints. Tests pass another one. */
export interface Terminal {
  /** A person can be asked. */
  readonly isInteractive: boolean;
  print(text: string): void;
  printError(text: string): void;
  /** Returns the trimmed answer; empty at the end of the input. */
  ask(question: string): string;
}

/** Returns the terminal of this process. */
export const processTerminal = (): Terminal => ({
  isInteractive: Deno.stdin.isTerminal() && Deno.stderr.isTerminal(),
  print: (text) => printTo(Deno.stdout, text),
  printError: (text) => printTo(Deno.stderr, text),
  ask(question) {
    printTo(Deno.stderr, question);
    return readLine().trim();
  },
});

/** A line of a terminal arrives in one piece, and no longer one is of use. */
const MAX_LINE = 4_096;

function readLine(): string {
  const buffer = new Uint8Array(MAX_LINE);
  const length = Deno.stdin.readSync(buffer) ?? 0;
  return new TextDecoder().decode(buffer.subarray(0, length)).split("\n")[0] ?? "";
}
