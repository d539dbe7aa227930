import type { JobRead } from "../../jobs/port.ts";
import { compact } from "./compact.ts";
import { FIND, RANGE, scriptLine } from "./script_parts.ts";

/** Max lines that a search returns. */
export const MAX_MATCHES = 1_000;
/** What the output of a search may have over the limit, for line numbers. */
export const SPARE_BYTES = 65_536;

const READ = compact(`
  ${FIND}
  j_stream=$2 j_from=$3 j_max=$4 j_tail=$5 j_wait=$6 j_pattern=$7
  if [ -n "$j_pattern" ]; then
    echo | grep -e "$j_pattern" >/dev/null
    [ $? -le 1 ] || { echo "E pattern"; exit; }
    j_binary=
    echo | grep -a -e x
    [ $? -le 1 ] && j_binary=-a
  fi
  now
  j_until=$((t+j_wait))
  ${RANGE}
  j_whole_lines() {
    [ $j_end -le 65536 ] && set -- 0 || set -- $((j_end-65536))
    set -- $(j_range "$j_stream" $1 $((j_end-$1)) | tail -n 1 | wc)
    [ $1 -gt 0 ] || j_end=$((j_end-$3))
  }
  j_seen=-
  while :; do
    j_facts=$(j_record "$j_dir")
    j_sizes
    eval "j_size=\\$j_size_$j_stream"
    case $j_facts in
      "J "????????????????????????????????" running"*) ;;
      *) j_end=$j_size; break ;;
    esac
    if [ "$j_size" != "$j_seen" ]; then
      j_seen=$j_size j_end=$j_size
      [ -z "$j_pattern" ] || [ "$j_size" -le "$j_from" ] || j_whole_lines
    fi
    [ "$j_end" -gt "$j_from" ] && break
    now
    [ "$t" -lt "$j_until" ] || break
    nap 0.1
  done
  printf "%s\\n" "$j_facts"
  echo "Z $j_size_stdout $j_size_stderr"
  j_clock
  [ "$j_from" -le "$j_end" ] || j_end=$j_from
  j_count=$((j_end-j_from))
  if [ -n "$j_pattern" ]; then
    echo "D $j_end"
    if [ -n "$j_tail" ]; then
      j_range "$j_stream" "$j_from" $j_count | LC_ALL=C.UTF-8 grep $j_binary -e "$j_pattern" | tail -n "$j_tail" | tail -c $((j_max+1))
    else
      j_range "$j_stream" "$j_from" $j_count | LC_ALL=C.UTF-8 grep $j_binary -n -e "$j_pattern" |
        head -n ${MAX_MATCHES + 1} | head -c $((j_max+${SPARE_BYTES}))
    fi
  elif [ -n "$j_tail" ]; then
    [ $j_count -le "$j_max" ] || j_from=$((j_end-j_max))
    echo "D $j_end"
    j_range "$j_stream" "$j_from" $((j_end-j_from)) | tail -n "$j_tail"
  else
    [ $j_count -le "$j_max" ] || j_count=$j_max
    echo "D $((j_from+j_count))"
    j_range "$j_stream" "$j_from" $j_count
  fi
`);

/** Returns the command line that reads from a job's output. */
export function readLine(
  { id, stream, from, maxBytes, tailLines, grep, waitMs }: JobRead,
): string {
  const maxLines = grep === undefined ? Infinity : MAX_MATCHES;
  return scriptLine(
    READ,
    id,
    stream,
    String(from),
    String(maxBytes),
    tailLines === undefined ? "" : String(Math.min(tailLines, maxLines)),
    String(Math.ceil(waitMs / 10)),
    grep ?? "",
  );
}

/** Returns the command line that prints how many bytes of a stream the next `count` lines have. */
export const measureLine = ({ id, stream, from }: JobRead, count: number): string =>
  scriptLine(MEASURE, id, stream, String(from), String(count));

const MEASURE = compact(`
  ${FIND}
  tail -c +$(($3+1)) "$2" | head -n "$4" | wc -c
`);
