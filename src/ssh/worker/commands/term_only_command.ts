import { loginLine, scriptWords, wordsOfLine } from "../../../shell/login_line.ts";

/** Each shell needs its own trap, because children do not inherit it. */
const SURVIVE = "trap : HUP INT TERM";

/**
 * Runs `$@` and forwards its stdout, even when nobody reads it anymore: a program that is
 * cleaning up must not be killed by SIGPIPE.
 */
const INNER = [
  SURVIVE,
  `{ code=$(${SURVIVE}; { { ${SURVIVE}; "$@" 3>&- 4>&-; echo $? >&4; } | ` +
  `(trap "" HUP INT TERM PIPE; exec tee /dev/null >&3 2>/dev/null 4>&-); } 4>&1); } 3>&1`,
  `exit $code`,
].join("; ");

/**
 * Leads the session that the guard knows; the program (INNER with its words) runs in a session of its own.
 * Forwards TERM to the program once. Signals can interrupt each other's handlers, so each takes a number
 * and only the first one acts.
 */
const OUTER = [
  `shift; told=; tell() { [ -n "$told" ] || { told=1; kill -s TERM -- "-$leader" || kill -s TERM "$leader"; }; } 2>/dev/null`,
  `stop() { [ "$1" = 1 ] && [ -n "$leader" ] && tell; }`,
  `count=0; leader=; trap "stop \\$((count=count+1))" HUP INT TERM`,
  // In one step, so that each signal is either counted in `before` or finds `leader` set.
  `setsid sh -c "$1" "$@" & before=$count leader=$!`,
  `[ "$before" = 0 ] || tell`,
  // A signal ends `wait` with its own number, and may come just before the program's end: a second `wait`
  // then has the program's code, or 127 if the first one had it.
  `code=; again() { seen=$count; wait "$leader"; set -- $?; [ -n "$code" ] && [ "$1" = 127 ] || code=$1; ` +
  `[ "$seen" != "$count" ] || kill -0 "$leader"; } 2>/dev/null`,
  `while again; do :; done`,
  `exit $code`,
].join("; ");

/**
 * Wraps a command that must clean up, so that it is never killed, even if the guard, the channel, the
 * connection or this program ends. It gets TERM once (a second TERM could interrupt its cleanup) and
 * all the time it needs. The wrapper exits after the command, unless the wrapper itself is killed.
 */
export function termOnlyCommand(command: string): string {
  // The words of a line stay as they are: encoded twice, a long line would be too long.
  const words = wordsOfLine(command) ?? wordsOfLine(loginLine(`exec "$@"`, "sh", "-c", command));
  return `exec ${scriptWords(OUTER)} '${INNER}' ${words}`;
}
