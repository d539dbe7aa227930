import { shellJoin } from "../../../shell/quote.ts";

/** In each shell anew, since its children start without: one that has not begun yet may be ended at once. */
const GO_ON = "trap : HUP INT TERM";

/**
 * Runs the program and hands its stdout on, also when nobody reads that any more: a program that is
 * tidying up must not die of a closed pipe.
 */
const INNER = [
  GO_ON,
  `{ code=$(${GO_ON}; { { ${GO_ON}; sh -c "$1" 3>&- 4>&-; echo $? >&4; } | ` +
  `(trap "" HUP INT TERM PIPE; exec tee /dev/null >&3 2>/dev/null 4>&-); } 4>&1); } 3>&1`,
  `exit $code`,
].join("; ");

/**
 * Leads the session that the guard knows; the program has one of its own. Tells it to stop, once: signals
 * interrupt each other's handlers, so each takes a number.
 */
const OUTER = [
  `told=; tell() { [ -n "$told" ] || { told=1; kill -s TERM -- "-$leader" || kill -s TERM "$leader"; }; } 2>/dev/null`,
  `stop() { [ "$1" != 1 ] || [ -z "$leader" ] || tell; }`,
  `count=0; leader=; trap "stop \\$((count=count+1))" HUP INT TERM`,
  // Both in one step: who comes before it tells nothing, who comes after it tells.
  `setsid sh -c "$1" sh "$2" & before=$count leader=$!`,
  `[ "$before" = 0 ] || tell`,
  `wait "$leader"; code=$?`,
  `while kill -0 "$leader" 2>/dev/null; do wait "$leader"; code=$?; done`,
  `exit $code`,
].join("; ");

/**
 * A command line that is never killed, whatever ends: the guard, its channel, its connection or this
 * program. It gets TERM, once, and all the time it needs: a second one could interrupt its tidying up.
 * It has ended when the process that the host started for it has, unless that one was killed.
 */
export const termOnlyCommand = (command: string): string =>
  `exec ${shellJoin(["sh", "-c", OUTER, "sh", INNER, command])}`;
