import { loginLine } from "../../../shell/login_line.ts";
import { compact } from "../jobs/compact.ts";
import { NEW_SESSION, PROCESSES } from "../jobs/portable.ts";

/** What root runs, and how. */
export interface RootCommand {
  readonly line: string;
  /** True for a script of ours, which `sh` runs; otherwise root's login shell runs the line. */
  readonly isScript: boolean;
  /** How many bytes of stdin the command gets before its end; undefined: all, for scripts. */
  readonly stdinBytes: number | undefined;
  /** For a command that must not be killed: how long it has to end after TERM. */
  readonly graceMs: number | undefined;
}

/** How sudo is called. */
export interface SudoCall {
  /** Letters and digits; marks our lines among what sudo and start-up files print. */
  readonly token: string;
  /** False: sudo must not ask. */
  readonly mayAsk: boolean;
}

/** Where a sudo of the system is; only without one of these, PATH decides. */
const PLACES = "/usr/bin/sudo /run/wrappers/bin/sudo /usr/local/bin/sudo /bin/sudo";

/** After this many hundredths of a second TERM is followed by KILL: before the guard of a job stops waiting. */
const TERM_TIME = 80;

/** The exit code after a stop that has left processes alive. */
export const LEFT_ALIVE = 144;

/** Returns the prompt that sudo is told to print. */
export const promptOf = (token: string): string => `${token} password: `;

/** Printed to stderr before sudo starts; what comes before it is the login shell's. */
export const beginMark = (token: string): string => `\x1e${token} begin\n`;

/** Printed to stdout and stderr by root; what comes before it is sudo's. */
export const rootMark = (token: string): string => `\x1e${token} root\n`;

/** Printed to stderr if the host has no sudo; `doas` follows if it has that. */
export const MISSING = "no sudo";

/**
 * The root side of one command. It runs the command in a session of its own and watches stdin: at its end
 * (the client stopped the command, was killed, or lost its link) it ends that session, because the login
 * cannot signal processes of root. A command that must not be killed gets TERM only.
 *
 * Words: the command, the token, LC_ALL of the login, this script, `script` or `shell`, how many bytes of
 * stdin are the command's (`all` for scripts), and the grace time in hundredths of a second or "".
 *
 * `s_events` learns from the other parts: `w PID` (reads stdin), `p PID` (leads the command's session), `x CODE`
 * (the command has ended) and `k` (stdin has ended).
 */
export const SUPERVISE = compact(`
  exec 6<&0 5>&1 7>&2 </dev/null
  printf "\\036%s root\\n" "$2"
  printf "\\036%s root\\n" "$2" >&2
  exec >/dev/null 2>&1
  s_line=$1 s_kind=$5 s_bytes=$6 s_grace=$7
  if [ -n "$3" ]; then LC_ALL=$3; export LC_ALL; else unset LC_ALL; fi
  case :$PATH: in *:/usr/sbin:*) ;; *) PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH ;; esac
  case $SHELL in */nologin|*/false) SHELL=/bin/sh ;; esac
  [ -x "$SHELL" ] && [ "$s_kind" = shell ] || SHELL=/bin/sh
  trap "" HUP TERM PIPE
  ${PROCESSES}
  ${NEW_SESSION}
  s_feed() {
    if [ "$s_bytes" = all ]; then
      ( sh -c 'echo "w $PPID" >&4'; exec cat <&6 4>&- 5>&- 7>&- )
      exec >/dev/null
    else
      exec 5>&- 7>&-
      [ "$s_bytes" = 0 ] || head -c "$s_bytes" <&6
      exec >/dev/null
      sh -c 'echo "w $PPID" >&4'
      while IFS= read -r s_x <&6; do :; done
    fi
    echo k >&4
  }
  s_run() {
    (
      trap - HUP TERM PIPE
      j_session sh -c 'echo "p $$" >&4; exec 4>&-; exec "$1" -c "$2"' sh "$SHELL" "$s_line" \\
        >&5 2>&7 5>&- 6<&- 7>&-
    )
    echo "x $?" >&4
  }
  s_stop() {
    [ -n "$s_told" ] && [ -n "$s_pid" ] || return
    finish_job "$s_pid" "$s_begun" \${s_grace:-${TERM_TIME}} $s_grace
    [ "$left" = 0 ] || [ -n "$s_grace" ] || exit ${LEFT_ALIVE}
  }
  s_events() {
    exec 6<&-
    s_told= s_pid= s_begun= s_readers= s_code=
    # A short command ends before its reader has said what to kill.
    while [ -z "$s_code" ] || [ -z "$s_readers" ]; do
      IFS= read -r s_event || break
      case $s_event in
        w*) s_readers="$s_readers \${s_event#w }" ;;
        p*) s_pid=\${s_event#p }; st "$s_pid" && s_begun=$begun; s_stop ;;
        k) s_told=1; s_stop ;;
        x*) s_code=\${s_event#x } ;;
      esac
    done
    # With stdin the readers have ended, and others may have their numbers now.
    [ -n "$s_told" ] || for s_pid in $s_readers; do kill -KILL $s_pid; done
    exit \${s_code:-${LEFT_ALIVE}}
  }
  { s_feed | s_run; } 4>&1 | s_events
`);

/** Sets `s` to sudo and the words to those of SUPERVISE. The command comes first, for the log of sudo. */
const PREPARE = `
  T=$2
  s=
  for p in ${PLACES}; do [ -z "$s" ] && [ -x $p ] && s=$p; done
  [ -n "$s" ] || s=$(command -v sudo)
  printf "\\036%s begin\\n" "$T" >&2
  [ -n "$s" ] || { echo "${MISSING} $(command -v doas)" >&2; exit 127; }
  ask=$8 l=\${LC_ALL-}
  LC_ALL=C
  export LC_ALL
  set -- /bin/sh -c "eval \\"\\$4\\"" mcp-remote-exec "$1" "$2" "$l" "$4" "$5" "$6" "$7"
`;

/** Becomes sudo. */
const FRONT = compact(`
  ${PREPARE}
  if [ -n "$ask" ]; then exec "$s" -u root -H -S -p "$T password: " -- "$@"; else exec "$s" -u root -H -n -- "$@"; fi
`);

/**
 * Runs sudo in the session of a job, with the password on stdin. A process of the login, `$h`, holds the stdin of
 * sudo open; a signal to the job's session ends it, and so the command. Everything else waits for sudo.
 *
 * `watch` passes stderr on. At the first prompt it has the password sent, at the second one it ends stdin, as
 * a wrong password is sent once. The clock `$c` takes a long silence for a prompt of another form, and ends
 * stdin when sudo has not started the command within half a minute.
 */
const JOB_FRONT = compact(`
  ${PREPARE}
  trap "" HUP TERM
  # Shells report the end of what is killed.
  exec 8<&0 </dev/null 3>&1 4>&2 2>/dev/null
  watch() {
    n=0
    while IFS= read -r x || [ -n "$x" ]; do
      case $x in
        *"$T password:"*)
          n=$((n+1))
          if [ $n = 1 ]; then kill -USR1 $h; else kill -TERM $h; fi
          ;;
      esac
      printf "%s\\n" "$x"
      case $x in *"$T root") kill -USR1 $c; exec cat ;; esac
    done
    kill -USR1 $c
  }
  {
    sleep 999999999 </dev/null >/dev/null 3>&- 4>&- 8<&- &
    p=$!
    trap "kill -KILL $p; exit" TERM
    trap "cat <&8" USR1
    sh -c 'echo $PPID'
    exec 3>&- 4>&-
    while kill -0 $p; do wait $p; done
  } | {
    IFS= read -r h
    exec 8<&-
    {
      trap "kill -KILL \\$! ; exit" USR1
      sleep 3 & wait $!
      [ -z "$ask" ] || kill -USR1 $h
      sleep 30 & wait $!
      kill -TERM $h
    } </dev/null >/dev/null 3>&- 4>&- &
    c=$!
    code=$(
      {
        {
          (
            trap - HUP TERM
            if [ -n "$ask" ]; then set -- -S -p "$T password:
  " -- "$@"; else set -- -n -- "$@"; fi
            exec "$s" -u root -H "$@" 2>&1 >&3 3>&- 4>&- 5>&-
          )
          echo $? >&5
        } | watch >&4 3>&- 5>&-
      } 5>&1
    )
    kill -TERM $h
    exit $code
  }
`);

/** Returns the command line, for any login shell, that runs a command as root under {@linkcode SUPERVISE}. */
export const rootLine = (command: RootCommand, call: SudoCall): string =>
  frontLine(FRONT, command, call);

/** Returns the same for the command of a job, which has the password as a line on stdin. */
export const rootJobLine = (command: RootCommand, call: SudoCall): string =>
  frontLine(JOB_FRONT, command, call);

const frontLine = (
  front: string,
  { line, isScript, stdinBytes, graceMs }: RootCommand,
  { token, mayAsk }: SudoCall,
): string =>
  loginLine(
    `eval "$9"`,
    line,
    token,
    "",
    SUPERVISE,
    isScript ? "script" : "shell",
    stdinBytes === undefined ? "all" : String(stdinBytes),
    graceMs === undefined ? "" : String(Math.ceil(graceMs / 10)),
    mayAsk ? "ask" : "",
    front,
  );
