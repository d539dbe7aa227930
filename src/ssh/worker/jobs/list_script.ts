import { compact } from "./compact.ts";
import { ID_GLOB, PLACES, RECORD, scriptLine } from "./script_parts.ts";

/**
 * Returns the command line that lists all jobs.
 *
 * @param sweeps a job that is lost ends now, and directories of jobs whose start was cut short an hour ago are
 *   removed
 */
export const listLine = (sweeps: boolean): string => scriptLine(LIST, sweeps ? "sweeps" : "");

// A shell reads a file byte by byte, so one `head` reads the files of all jobs that have ended. The files of
// 200 jobs at a time, because the length of a command line is limited.
const LIST = compact(`
  ${PLACES}
  ${RECORD}
  j_sweeps=$1
  j_batch() {
    [ -z "$j_ended" ] || { head -c 30000 $j_ended; echo; }
    [ -z "$j_listed" ] || LC_ALL=C ls -ldn $j_listed
    j_ended= j_listed= j_count=0
  }
  j_unended() {
    if j_record "$1"; then
      [ "$j_sweeps$j_status" = sweepslost ] && j_private "$1" && j_finish "$1" "lost - - $(date +%s) - -"
      return 0
    fi
    [ -n "$j_sweeps" ] && [ -z "$j_foreign" ] && [ -f "$1/note" ] && [ -f "$1/stdout.total" ] &&
      [ -n "$(find "$1" -prune -mmin +60)" ] && j_private "$1" && rm -rf -- "$1"
    return 1
  }
  for j_base in "$j_home/mcp-remote-exec" /tmp/mcp-remote-exec-*; do
    j_owned "$j_base" && j_owned "$j_base/jobs" && j_private "$j_base" "$j_base/jobs" &&
      cd "$j_base/jobs" || continue
    j_ended= j_listed= j_count=0
    for j_dir in ${ID_GLOB}; do
      case $j_dir in *[!0-9a-f]*) continue ;; esac
      j_owned "$j_dir" || continue
      if [ -s "$j_dir/status" ]; then
        j_ended="$j_ended $j_dir/meta $j_dir/status"
      else
        j_unended "$j_dir" || continue
      fi
      j_listed="$j_listed $j_dir $j_dir/stdout $j_dir/stderr"
      j_count=$((j_count+1))
      [ $j_count -lt 200 ] || j_batch
    done
    j_batch
  done
  j_clock
`);

/** Max jobs that one call of {@linkcode removeLine} removes. */
export const MAX_REMOVED = 1_000;

/**
 * Returns the command line that removes those of the jobs that ended more than `keepSeconds` ago, and prints
 * the IDs of these. A job that was taken for lost and whose processes live after all is kept.
 */
export const removeLine = (ids: readonly string[], keepSeconds: number): string =>
  scriptLine(REMOVE, String(keepSeconds), ...ids.slice(0, MAX_REMOVED));

const REMOVE = compact(`
  ${PLACES}
  ${RECORD}
  j_keep=$1
  shift
  j_now=$(date +%s)
  for j_base in "$j_home/mcp-remote-exec" /tmp/mcp-remote-exec-*; do
    j_owned "$j_base" && j_owned "$j_base/jobs" && j_private "$j_base" "$j_base/jobs" || continue
    for j_id in "$@"; do
      j_old=$j_base/jobs/$j_id
      j_owned "$j_old" && [ -f "$j_old/note" ] && [ -f "$j_old/stdout.total" ] || continue
      j_was= j_at=
      read -r j_was j_x j_x j_at j_x < "$j_old/status"
      case $j_at in ""|*[!0-9]*) continue ;; esac
      [ $((j_now-j_at)) -gt "$j_keep" ] || continue
      [ "$j_was" != lost ] || ! { j_lives "$j_old/runner" || j_lives "$j_old/pid"; } || continue
      j_private "$j_old" && rm -rf -- "$j_old" && echo "$j_id"
    done
  done
  echo .
`);
