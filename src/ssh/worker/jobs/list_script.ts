import { compact } from "./compact.ts";
import { ID_GLOB, PLACES, RECORD, scriptLine, SWEEP } from "./script_parts.ts";

/** Returns the command line that lists all jobs, and removes old ones unless `keepSeconds` is undefined. */
export const listLine = (keepSeconds: number | undefined): string =>
  scriptLine(LIST, keepSeconds === undefined ? "" : String(keepSeconds));

// `ls` gets the files of 200 jobs at a time, because the length of a command line is limited.
const LIST = compact(`
  ${PLACES}
  ${RECORD}
  ${SWEEP}
  [ -z "$2" ] || j_sweep "$2"
  j_batch() {
    [ $# -gt 0 ] || return
    LC_ALL=C ls -ldn -- "$@"
  }
  for j_base in "$j_home/mcp-remote-exec" /tmp/mcp-remote-exec-*; do
    j_owned "$j_base" && j_owned "$j_base/jobs" && j_private "$j_base" "$j_base/jobs" &&
      cd "$j_base/jobs" || continue
    set --
    for j_dir in ${ID_GLOB}; do
      case $j_dir in *[!0-9a-f]*) continue ;; esac
      j_owned "$j_dir" && j_record "$j_dir" || continue
      set -- "$@" "$j_dir" "$j_dir/stdout" "$j_dir/stderr"
      [ $# -lt 600 ] || { j_batch "$@"; set --; }
    done
    j_batch "$@"
  done
  j_clock
`);
