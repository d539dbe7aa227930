import { SESSION_FUNCTIONS } from "../commands/guard.ts";

/**
 * Defines `j_session COMMAND…`, which becomes the command in a session of its own. Where there is no
 * `setsid` (macOS, BSD), perl or python do the same; without them it fails.
 */
export const NEW_SESSION = `
  j_session() {
    if command -v setsid >/dev/null; then
      exec setsid "$@"
    elif command -v perl >/dev/null; then
      exec perl -MPOSIX -e 'POSIX::setsid(); exec { $ARGV[0] } @ARGV; exit 127' "$@"
    fi
    exec python3 -c 'import os, signal, sys
for name in ("SIGPIPE", "SIGXFSZ"): signal.signal(getattr(signal, name), signal.SIG_DFL)
os.setsid()
os.execvp(sys.argv[1], sys.argv[1:])' "$@"
  }
  j_can_detach() {
    command -v setsid || command -v perl || command -v python3
  } >/dev/null
`;

/**
 * {@linkcode SESSION_FUNCTIONS}, and the same for hosts without \`/proc\`: there a process group counts
 * instead of a session, and time has a resolution of one second. Sets `j_proc` to "" on such hosts.
 *
 * `finish_job PID START TIME [TERM-ONLY]` is `finish` for the session of a job's command. If another process
 * has the pid now, the session is over.
 */
export const PROCESSES = `
  ${SESSION_FUNCTIONS}
  j_proc=1
  [ -r /proc/self/stat ] || {
    j_proc=
    st() {
      set -- $1 $(LC_ALL=C ps -o state= -o pgid= -o lstart= -p "$1")
      [ $# -gt 3 ] || return 1
      x=$1 state=$2 sid=$3
      shift 3
      begun=$(IFS=-; echo "$*")
    }
    members() {
      M=$(LC_ALL=C ps -A -o pid= -o pgid= -o state= | while read -r a b x; do
        case " $1 " in *" $b "*) case $x in [ZX]*) ;; *) printf " %s" $a ;; esac ;; esac
      done)
    }
    now() { t=$(date +%s)00; }
  }
  finish_job() {
    [ -n "$j_proc" ] && st "$1" && [ "$begun" != "$2" ] && { left=0; return; }
    finish "$1" $3 $4
  }
`;
