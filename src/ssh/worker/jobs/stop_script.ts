import { compact } from "./compact.ts";
import { FIND, scriptLine } from "./script_parts.ts";

/** Returns the command line that stops a job. */
export const stopLine = (id: string): string => scriptLine(STOP, id);

const STOP = compact(`
  ${FIND}
  j_stop() {
    read -r j_reason < ending
    [ -n "$j_reason" ] || printf "%-38s\\n" stopped 1<>ending
    for j_x in 1 2 3 4 5 6 7 8 9; do
      read -r j_pid j_begun < pid
      [ -z "$j_pid" ] || break
      nap 0.1
    done
    finish "$j_pid" \${j_grace:-100} $j_grace
    j_left=$left
    for j_x in 1 2 3 4 5 6 7 8 9; do
      [ ! -e status ] || break
      j_lives runner || break
      nap 0.1
    done
    [ -e status ] || [ "$j_left" -gt 0 ] || j_lives runner ||
      j_finish . "stopped - - $(date +%s) - -"
  }
  j_left=0 j_grace=
  case $j_meta in "{\\"graceMs\\":"*) j_grace=\${j_meta#*:}; j_grace=$((\${j_grace%%,*}/10)) ;; esac
  [ "$j_status" = running ] && j_stop
  j_record "$j_dir"
  j_sizes
  echo "Z $j_size_stdout $j_size_stderr"
  j_clock
  echo "P $j_left"
`);
