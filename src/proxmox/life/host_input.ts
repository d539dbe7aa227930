import { shellQuote } from "../../shell/quote.ts";
import { outputOf, type ProxmoxHost } from "../host.ts";

/** A command of the host, and what it reads besides its arguments. */
export interface HostCommand {
  readonly words: readonly [program: string, ...args: string[]];
  /** Shell text that runs immediately before it, and may end the shell. */
  readonly guard?: string;
  /** Public SSH keys, one per line. The command gets them as the file {@linkcode KEYS_FILE}. */
  readonly keys?: string;
  /** The command reads it from stdin, twice, as `pct` and `qm` do without a terminal. */
  readonly password?: string;
  /** Runs after the command, if that exited with 0. Its own failure is not one of the command. */
  readonly next?: readonly string[];
}

/** Where a command finds the keys. */
export const KEYS_FILE = "/dev/fd/3";

/** Files of this name hold a password for the moment between two commands. */
const SECRET = "/run/.mcp-remote-exec-secret-";

/**
 * Writes stdin to a file that only root can read, in memory, and prints its name. Removes older ones, which
 * a server left that was killed between the two commands.
 */
const KEEP_SECRET = [
  `umask 077; find /run -maxdepth 1 -name '.mcp-remote-exec-secret-*' -mmin +5 -exec rm -f {} +`,
  `f=$(mktemp ${SECRET}XXXXXXXX) && cat >"$f" && printf '%s\\n' "$f"`,
].join("\n");

/**
 * Returns the words that run a command, also as a job, which has no stdin. A password passes through a file that
 * the command removes before it starts: arguments of a process can be read by everybody on the host.
 *
 * @throws RemoteExecError `io_error` if the host cannot keep the password
 */
export async function wordsOf(
  host: ProxmoxHost,
  { words, guard, keys, password, next = [] }: HostCommand,
  signal: AbortSignal,
): Promise<[string, ...string[]]> {
  const file = password === undefined ? undefined : await keepSecret(host, password, signal);
  const isPlain = guard === undefined && keys === undefined && next.length === 0;
  if (file === undefined && isPlain) return [...words];
  const lines = [
    ...(file === undefined ? [] : [`exec <${file} || exit; rm -f ${file}`]),
    ...(keys === undefined ? [] : [`exec 3<<'${HERE_END}'\n${keys}\n${HERE_END}`]),
    ...(guard === undefined ? [] : [guard]),
    next.length === 0 ? `exec ${line(words)}` : `${line(words)} || exit; ${line(next)} || :`,
  ];
  return ["sh", "-c", lines.join("\n")];
}

const HERE_END = "END_OF_KEYS";

/** `env` names a missing program in a way that is known. */
const line = (words: readonly string[]): string => ["env", ...words].map(shellQuote).join(" ");

async function keepSecret(
  host: ProxmoxHost,
  password: string,
  signal: AbortSignal,
): Promise<string> {
  const action = "Passing the password to the host";
  const answer = await host.run(["sh", "-c", KEEP_SECRET], {
    ...{ signal, progress: undefined, action },
    stdin: `${password}\n${password}\n`,
  });
  return outputOf(answer, action).trim();
}
