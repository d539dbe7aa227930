import { shellQuote } from "../../../shell/quote.ts";
import { compact } from "./compact.ts";
import { NEW_SESSION } from "./portable.ts";
import { LAUNCH, RUNNER } from "./runner.ts";
import { PLACES, RANGE, RECORD, scriptLine, SIZES } from "./script_parts.ts";

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
  readonly command: string;
  /** For a command that must not be killed: how long it has to end after TERM. */
  readonly graceMs: number | undefined;
  /** Bytes of the beginning and of the end of a stream that are sent; a long part between them is counted. */
  readonly headBytes: number;
  readonly tailBytes: number;
  /** Root runs the command; with `asks`, the password is the first line of stdin. */
  readonly root: "" | "free" | "asks";
}

const START = compact(`
  ${PLACES}
  ${NEW_SESSION}
  j_can_detach || { echo "E session"; exit; }
  j_runner=${shellQuote(RUNNER)}
  j_launch=${shellQuote(LAUNCH)}
  j_id=$1 j_meta=$2 j_blocks=$3 j_seconds=$4 j_attended=$5 j_out=$6 j_err=$7 j_command=$8 j_grace=$9
  shift 9
  j_head=$1 j_tail=$2 j_root=$3
  j_secret=
  [ "$j_root" != asks ] || IFS= read -r j_secret
  # The job's directory and the check of its place take a process each, so both run at the same time.
  j_usable() {
    j_base=$1/jobs j_dir=$1/jobs/$j_id j_made= j_open=
    [ -d "$j_base" ] || { mkdir -p -m 700 "$1" && mkdir -p -m 700 "$j_base"; }
    j_owned "$1" && j_owned "$j_base" && [ -w "$j_base" ] || return
    j_rest=$(
      mkdir -m 700 "$j_dir" &
      exec ls -ldn -- "$1" "$j_base"
    )$j_newline
    while [ -n "$j_rest" ]; do
      j_line=\${j_rest%%"$j_newline"*} j_rest=\${j_rest#*"$j_newline"}
      case $j_line in
        drwx------*) ;;
        *) j_open=1 ;;
      esac
    done
    # A directory with files is another job's.
    [ -d "$j_dir" ] && [ ! -e "$j_dir/note" ] && j_made=1
    [ -n "$j_open" ] || return 0
    [ -z "$j_made" ] || rmdir "$j_dir"
    return 1
  }
  j_usable "$j_home/mcp-remote-exec" || j_usable "/tmp/mcp-remote-exec-$(id -u)" || { echo "E place"; exit; }
  j_make() {
    printf "" > "$j_dir/note" && printf "" > "$j_dir/stdout" && printf "" > "$j_dir/stderr" &&
      printf "%-28s\\n" "" > "$j_dir/stdout.total" && printf "%-28s\\n" "" > "$j_dir/stderr.total" &&
      printf "%-98s\\n" "" > "$j_dir/pid" && printf "%-98s\\n" "$j_mark" > "$j_dir/runner" &&
      printf "%-38s\\n" "" > "$j_dir/ending" && printf "%-198s\\n" "" > "$j_dir/status.new" &&
      printf "%s\\n%s\\n" "$j_meta" "0000000000 $j_boot $j_up \${j_host:--} ." > "$j_dir/meta"
  }
  j_boot= j_stat= j_up=-
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
  [ -n "$j_made" ] && j_make || {
    if [ -n "$j_made" ]; then
      # dash does not say why it could not write.
      j_error="$(j_make 2>&1) $(head -c 65536 /dev/zero 2>&1 >"$j_dir/note")"
      rm -rf -- "$j_dir"
    else
      j_error=$(mkdir -m 700 "$j_dir" 2>&1) && rmdir "$j_dir"
    fi
    echo "E make $j_error"
    exit
  }
  ${RANGE}
  ${RECORD}
  ${SIZES}
  j_copy() {
    [ "$4" -gt "$3" ] || return
    set -- "$1" "$2" "$3" "$4" $(($4-j_tail))
    if [ "$3" -lt "$j_head" ] && [ "$j_head" -lt "$5" ]; then
      echo "$2 $((j_head-$3))"
      j_range "$1" "$3" $((j_head-$3))
      set -- "$1" "$2" "$j_head" "$4" "$5"
    fi
    if [ "$3" -ge "$j_head" ] && [ $(($5-$3)) -gt 1000000 ]; then
      echo "K $2 $(($5-$3)) $(j_range "$1" "$3" $(($5-$3)) | LC_ALL=C tr -d "\\200-\\277" | wc -c)"
      set -- "$1" "$2" "$5" "$4"
    fi
    echo "$2 $(($4-$3))"
    j_range "$1" "$3" $(($4-$3))
  }
  j_before() {
    [ -n "$3" ] || return
    case $j_told in *$2*) return ;; esac
    [ -e "$1.marked" ] && j_is=1 || j_is=0
    [ "$j_is" = 1 ] || [ -n "$j_over" ] || return
    j_told=$j_told$2
    j_new=$(wc -c < "$1.before")
    j_new=$((j_new))
    [ "$j_new" -le 65536 ] || j_new=65536
    echo "$2 $j_is $j_new"
    tail -c "$j_new" "$1.before"
  }
  j_show() {
    j_some=
    [ ! -s stdout ] && [ ! -s stderr ] || { j_some=1; j_sizes; }
    # What is counted by now was printed behind the marks.
    j_before stdout P "$j_out"
    j_before stderr Q "$j_err"
    [ -n "$j_some" ] || return
    j_copy stdout O "$j_n" "$j_size_stdout" && j_n=$j_size_stdout
    j_copy stderr R "$j_m" "$j_size_stderr" && j_m=$j_size_stderr
  }
  j_follow() {
    j_n=0 j_m=0 j_over= j_told=
    cd "$j_dir"
    while IFS= read -r j_line; do
      case $j_line in
        u) j_show; echo U ;;
        r) j_show; echo G; return ;;
        n*) echo "N\${j_line#n}" ;;
        x)
          # From here on, only this process removes the directory. Ignore a stop until that is done.
          trap "" HUP TERM PIPE
          j_over=1
          j_show
          read -r j_line < status
          # First what makes it a job, so that nobody takes the rest for a lost one.
          rm -rf -- "$j_dir/meta" "$j_dir"
          echo "X $j_line"
          return
          ;;
      esac
    done
  }
  j_run() {
    j_session sh -c "$j_runner" sh \\
      "$j_dir" "$j_blocks" "$j_seconds" "$j_attended" "$j_out" "$j_err" "$j_command" "$j_launch" "$j_grace" "$j_root"
  }
  # A program of that name would show its arguments to everybody.
  j_say() { printf "%s\\n" "$1"; }
  [ -z "$KSH_VERSION" ] || j_say() { print -r -- "$1"; }
  j_begin() {
    [ "$j_root" = asks ] || j_run
    exec 9<&0
    j_say "$j_secret" | { j_secret=; exec 8<&0 <&9 9<&-; j_run; }
  }
  # From its first moment the job has the mark of a process that lives: this one's, the runner's, and that of
  # the runner's last part.
  j_detach() {
    j_stat=
    read -r j_stat < /proc/self/stat && {
      j_pid=\${j_stat%% *}
      set -- \${j_stat##*) }
      printf "%-98s\\n" "$j_pid \${20}" 1<>"$j_dir/runner"
    }
    j_begin
  }
  # The runner starts meanwhile. The new date is as long as the old one, so the file is always complete.
  j_dated() {
    j_date=$(date +%s)
    printf "%s\\n%s\\n" "$j_meta" "$j_date $j_boot $j_up \${j_host:--} ." 1<>"$j_dir/meta"
  }
  j_has_runner() { read -r j_pid j_x < runner; [ "$j_pid" != $$ ]; }
  # An idle host prints the first line of a command about now.
  j_has_spoken() { [ -s stdout ] || [ -s stderr ] || [ -e status ]; }
  # sudo has started the command or refused it; a wrong password takes seconds.
  j_is_root() { [ -e stderr.marked ] || [ -e status ] || [ $j_naps -ge 1200 ]; }
  if [ -n "$j_attended" ]; then
    j_begin | { j_dated; j_follow; }
  else
    exec </dev/null
    j_detach >/dev/null &
    cd "$j_dir"
    j_naps=0
    j_dated
    until [ $j_naps -ge 400 ] || { j_has_runner && { [ $j_naps -ge 1 ] || j_has_spoken; }; }; do
      nap 0.004
      j_naps=$((j_naps+1))
    done
    until [ -z "$j_root" ] || j_is_root; do
      nap 0.02
      j_naps=$((j_naps+1))
    done
    j_record "$j_dir"
    j_over=1 j_n=0 j_m=0 j_told=
    [ ! -s stdout ] && [ ! -s stderr ] && [ -z "$j_root" ] || j_show
    echo "Z $j_n $j_m"
    echo "T $j_date $j_up"
    echo "."
  fi
`);

/** Returns the command line that starts a job. @throws RangeError if the command contains NUL */
export const startLine = (words: StartWords): string =>
  scriptLine(
    START,
    words.id,
    words.meta,
    String(Math.ceil(words.maxOutputBytes / 512)),
    String(words.maxRuntimeSeconds),
    words.isAttended ? "attended" : "",
    words.stdoutMark,
    words.stderrMark,
    words.command,
    words.graceMs === undefined ? "" : String(Math.ceil(words.graceMs / 10)),
    String(words.headBytes),
    String(words.tailBytes),
    words.root,
  );
