import { compact } from "./compact.ts";
import { NEW_SESSION } from "./portable.ts";
import { LAUNCH, RUNNER } from "./runner.ts";
import { PLACES, RANGE, RECORD, scriptLine, SWEEP } from "./script_parts.ts";

/** What a job is started with. */
export interface StartWords {
  readonly id: string;
  /** One line. */
  readonly meta: string;
  readonly maxOutputBytes: number;
  readonly maxRuntimeSeconds: number;
  readonly isAttended: boolean;
  /** Lines that end the unwanted start of the streams; empty: there is none. */
  readonly stdoutMark: string;
  readonly stderrMark: string;
  readonly keepSeconds: number;
  readonly command: string;
  /** For a command that must not be killed: how long it has to end after TERM. */
  readonly graceMs: number | undefined;
  /** Bytes of the beginning and of the end of a stream that are sent; a long part between them is counted. */
  readonly headBytes: number;
  readonly tailBytes: number;
}

const START = compact(`
  ${PLACES}
  ${NEW_SESSION}
  j_can_detach || { echo "E session"; exit; }
  j_runner=$2 j_launch=$3 j_id=$4 j_meta=$5 j_blocks=$6 j_seconds=$7 j_attended=$8 j_out=$9
  shift 9
  j_err=$1 j_keep=$2 j_command=$3 j_grace=$4 j_head=$5 j_tail=$6
  j_usable() {
    [ -d "$1/jobs" ] || { mkdir -p -m 700 "$1" && mkdir -p -m 700 "$1/jobs"; }
    j_owned "$1" && j_owned "$1/jobs" && [ -w "$1/jobs" ] && j_private "$1" "$1/jobs" && j_base=$1/jobs
  }
  j_base=
  j_usable "$j_home/mcp-remote-exec" || j_usable "/tmp/mcp-remote-exec-$(id -u)"
  [ -n "$j_base" ] || { echo "E place"; exit; }
  j_dir=$j_base/$j_id
  j_make() {
    mkdir -m 700 "$j_dir" && : > "$j_dir/note" && : > "$j_dir/stdout" && : > "$j_dir/stderr" &&
      printf "%-28s\\n" "" > "$j_dir/stdout.total" && printf "%-28s\\n" "" > "$j_dir/stderr.total" &&
      printf "%-98s\\n" "" > "$j_dir/pid" && printf "%-98s\\n" "$j_mark" > "$j_dir/runner" &&
      printf "%-38s\\n" "" > "$j_dir/ending" && printf "%-198s\\n" "" > "$j_dir/status.new" &&
      printf "%s\\n%s\\n" "$j_meta" "$j_date $j_boot $j_up \${j_host:--} ." > "$j_dir/meta"
  }
  j_boot= j_stat= j_up=-
  j_date=$(date +%s)
  read -r j_up j_x < /proc/uptime && j_up=\${j_up%.*}\${j_up#*.}
  read -r j_boot < /proc/sys/kernel/random/boot_id
  read -r j_stat < /proc/self/stat
  if [ -n "$j_stat" ]; then
    set -- \${j_stat##*) }
    j_mark="$$ \${20}"
  else
    set -- $(LC_ALL=C ps -o lstart= -p $$)
    j_mark="$$ $1-$2-$3-$4-$5"
  fi
  j_error=$(j_make 2>&1) || {
    # dash does not say why it could not write.
    j_error="$j_error $(head -c 65536 /dev/zero 2>&1 >"$j_dir/note")"
    rm -rf -- "$j_dir"
    echo "E make $j_error"
    exit
  }
  j_size() {
    j_new=$(wc -c < "$j_dir/$1")
    j_new=$((j_new))
  }
  ${RANGE}
  ${RECORD}
  ${SWEEP}
  j_copy() {
    j_size "$1"
    [ "$j_new" -gt "$3" ] || return
    set -- "$1" "$2" "$3" $((j_new-j_tail))
    if [ "$3" -lt "$j_head" ] && [ "$j_head" -lt "$4" ]; then
      echo "$2 $((j_head-$3))"
      j_range "$j_dir/$1" "$3" $((j_head-$3))
      set -- "$1" "$2" "$j_head" "$4"
    fi
    if [ "$3" -ge "$j_head" ] && [ $(($4-$3)) -gt 1000000 ]; then
      echo "K $2 $(($4-$3)) $(j_range "$j_dir/$1" "$3" $(($4-$3)) | LC_ALL=C tr -d "\\200-\\277" | wc -c)"
      set -- "$1" "$2" "$4"
    fi
    echo "$2 $((j_new-$3))"
    j_range "$j_dir/$1" "$3" $((j_new-$3))
  }
  j_before() {
    [ -n "$3" ] && [ "$4" = 0 ] || return
    [ -e "$j_dir/$1.marked" ] && j_is=1 || j_is=0
    [ "$j_is" = 1 ] || [ -n "$j_over" ] || return
    j_size "$1.before"
    [ "$j_new" -le 65536 ] || j_new=65536
    echo "$2 $j_is $j_new"
    tail -c "$j_new" "$j_dir/$1.before"
  }
  j_show() {
    j_before stdout P "$j_out" "$j_n"
    j_before stderr Q "$j_err" "$j_m"
    j_copy stdout O "$j_n" && j_n=$j_new
    j_copy stderr R "$j_m" && j_m=$j_new
  }
  j_follow() {
    j_n=0 j_m=0 j_over=
    while IFS= read -r j_line; do
      case $j_line in
        s) [ -n "$j_attended" ] || return; j_sweep "$j_keep" </dev/null >/dev/null & echo S ;;
        u) j_show; echo U ;;
        r) j_show; echo G; return ;;
        n*) echo "N\${j_line#n}" ;;
        x)
          j_over=1
          j_show
          read -r j_line < "$j_dir/status"
          # A sweep that runs now could take a directory without its status for a lost job.
          mv -- "$j_dir" "$j_dir.ended"
          rm -rf -- "$j_dir" "$j_dir.ended"
          echo "X $j_line"
          return
          ;;
      esac
    done
  }
  j_begin() {
    j_session sh -c "$j_runner" sh \\
      "$j_dir" "$j_blocks" "$j_seconds" "$j_attended" "$j_out" "$j_err" "$j_command" "$j_launch" "$j_grace"
  }
  [ -n "$j_attended" ] || exec </dev/null
  j_begin | j_follow
  if [ -z "$j_attended" ]; then
    for j_x in 1 2 3; do
      [ -s "$j_dir/stdout" ] || [ -s "$j_dir/stderr" ] || [ -e "$j_dir/status" ] && break
      nap 0.01
    done
    j_record "$j_dir"
    j_over=1 j_n=0 j_m=0
    [ ! -s "$j_dir/stdout" ] && [ ! -s "$j_dir/stderr" ] || j_show
    echo "Z $j_n $j_m"
    echo "T $j_date $j_up"
    echo "."
    j_sweep "$j_keep" </dev/null >/dev/null &
  fi
`);

/** Returns the command line that starts a job. @throws RangeError if the command contains NUL */
export const startLine = (words: StartWords): string =>
  scriptLine(
    START,
    RUNNER,
    LAUNCH,
    words.id,
    words.meta,
    String(Math.ceil(words.maxOutputBytes / 512)),
    String(words.maxRuntimeSeconds),
    words.isAttended ? "attended" : "",
    words.stdoutMark,
    words.stderrMark,
    String(words.keepSeconds),
    words.command,
    words.graceMs === undefined ? "" : String(Math.ceil(words.graceMs / 10)),
    String(words.headBytes),
    String(words.tailBytes),
  );
