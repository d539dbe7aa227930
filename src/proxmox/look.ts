import { shellQuote } from "../shell/quote.ts";

/** What a task that may go on as a job reads back when its command has succeeded. */
export interface Look {
  /** The command that shows the result. */
  readonly words: readonly string[];
  /** A line that must be in its output. */
  readonly line?: string;
  /** A line that must no longer be in its output. */
  readonly without?: string;
  /** How long the result may take; 0 by default. */
  readonly waitMs?: number;
  /** What is wrong if the result does not come; by default that the command reported success in vain. */
  readonly unmet?: string;
}

/** The line between the output of the command and what was read back. */
const MARK = "=== READ BACK ===";

/**
 * Returns the words that run a command and then a look. The exit code is 0 only if the look finds the result. On
 * TERM the shell still waits for the command, which needs time to clean up, but no longer for the result.
 */
export function withLook(
  command: readonly string[],
  look: Look,
): ["sh", "-c", string] {
  const { words, line, without, waitMs = 0 } = look;
  const has = (text: string) => `printf '%s\\n' "$found" | grep -qxF -e ${shellQuote(text)}`;
  // With the result, not before the wait for it: who waits for output then gets the result.
  const shown = `printf '\\n${MARK}\\n%s\\n%s\\n' "$found"`;
  const tests = [
    "[ $code = 0 ]",
    ...(line === undefined ? [] : [has(line)]),
    ...(without === undefined ? [] : [`! { ${has(without)}; }`]),
  ];
  return [
    "sh",
    "-c",
    [
      "ended=; trap ended=1 TERM INT",
      `${commandLine(command)} || exit`,
      "exec 2>&1",
      "turn=0",
      `until found=$(${commandLine(words)} 2>&1); code=$?; ${tests.join(" && ")}; do`,
      `  [ $turn -lt ${Math.ceil(waitMs / 1000)} ] && [ -z "$ended" ] || {`,
      `    ${shown} ${shellQuote(failed(look))}`,
      "    exit 1",
      "  }",
      "  sleep 1; turn=$((turn+1))",
      "done",
      `${shown} '[SUCCESS] The result was read back'`,
    ].join("\n"),
  ];
}

function failed(
  { line, without, unmet = "The command reported success, but the result differs" }: Look,
): string {
  const expected = [
    ...(line === undefined ? [] : [`"${line}"`]),
    ...(without === undefined ? [] : [`no "${without}"`]),
  ];
  return `[ERROR] ${unmet}: expected ${expected.join(" and ")}`;
}

/** With `env`, whose message about a missing program the caller recognizes. */
const commandLine = (words: readonly string[]): string =>
  ["env", ...words].map(shellQuote).join(" ");

/**
 * Returns the output of the command, and what was read back. Returns undefined if the command failed, because
 * nothing was read back then.
 */
export function splitLook(
  stdout: string,
): { readonly stdout: string; readonly look: string } | undefined {
  const at = stdout.lastIndexOf(`\n${MARK}\n`);
  return at < 0
    ? undefined
    : { stdout: stdout.slice(0, at), look: stdout.slice(at + MARK.length + 2) };
}
