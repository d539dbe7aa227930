import { compact } from "./compact.ts";
import { FIND, scriptLine } from "./script_parts.ts";

/** Returns the command line that stops a job. */
export const stopLine = (id: string): string => scriptLine(STOP, id);

const STOP = compact(`
  ${FIND}
  # The runner lives, and the time is not over. Detached processes that write delay the runner for 10 s.
  j_waits() { j_lives runner && now && [ "$t" -lt "$j_until" ]; }
  j_limit() { now; j_until=$((t+1200)); }
  j_stop() {
    j_limit
    while read -r j_leader j_since < pid; [ -z "$j_leader" ] && j_waits; do nap 0.1; done
    finish_job "$j_leader" "$j_since" \${j_grace:-100} $j_grace
    j_left=$left
    j_limit
    while [ ! -e status ] && j_waits; do nap 0.1; done
    [ -e status ] || [ "$j_left" -gt 0 ] || j_lives runner ||
      j_finish . "stopped - - $(date +%s) - -"
  }
  j_left=0 j_grace=
  case $j_meta in "{\\"graceMs\\":"*) j_grace=\${j_meta#*:}; j_grace=$((\${j_grace%%,*}/10)) ;; esac
  # Also for a job that seems to be lost: its start may have been cut short before the runner has its mark.
  [ -e status ] || { read -r j_reason < ending; [ -n "$j_reason" ] || printf "%-38s\\n" stopped 1<>ending; }
  [ "$j_status" = running ] && j_stop
  j_record "$j_dir"
  case $j_status in running*) [ "$j_left" -gt 0 ] || j_left=1 ;; esac
  j_sizes
  echo "Z $j_size_stdout $j_size_stderr"
  j_clock
  echo "P $j_left"
`);
