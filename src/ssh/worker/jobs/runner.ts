import { compact } from "./compact.ts";
import { NEW_SESSION, PROCESSES } from "./portable.ts";

/**
 * The last step before a job's command. It leads the command's session, writes its process mark to the file
 * `$1`, and becomes the login shell that runs `$2`, with sshd's `$0` (the shell's base name) and without
 * SHLVL: so bash reads the same start-up files as for a command that sshd starts.
 *
 * Source: OpenSSH session.c do_child; bash shell.c run_startup_files (SSH_SOURCE_BASHRC).
 */
const LAUNCH = compact(`
  [ -r /proc/self/stat ] && read -r j_stat < /proc/self/stat
  set -- "$1" "$2" "$j_stat"
  if [ -n "$3" ]; then
    set -- "$1" "$2" "\${3%% *}" \${3##*) }
    printf "%-98s\\n" "$3 \${23}" 1<>"$1"
  else
    set -- "$1" "$2" $$ $(LC_ALL=C ps -o lstart= -p $$)
    printf "%-98s\\n" "$3 $4-$5-$6-$7-$8" 1<>"$1"
  fi
  # Whoever stops the job before the mark is written finds no process.
  read -r j_stat < "\${1%/*}/ending"
  [ -z "$j_stat" ] || { kill -TERM $$; exit 143; }
  unset j_stat SHLVL OLDPWD _
  [ -x "$SHELL" ] || SHELL=/bin/sh
  j_name=\${SHELL##*/}
  [ "$(command -v "$j_name")" -ef "$SHELL" ] && exec "$j_name" -c "$2"
  exec "$SHELL" -c "$2"
`);

/**
 * Runs one job, on the host, in a session of its own: nothing but a signal to its processes ends it.
 * Arguments: the job's directory, the max size of an output in blocks of 512 bytes, the max runtime in
 * seconds, "attended" or "", the lines that end the unwanted start of stdout and stderr (or ""), the
 * command, LAUNCH, for a command that must not be killed its time to end in hundredths of a second, and
 * `asks` if fd 8 has the stdin of the command.
 *
 * It reports lines on stdout: `u` (an answer to the order `u`), `r` (released), `x` (ended;
 * the status is written), `n COUNT` (so many processes could not be killed). An attended job reads orders
 * from stdin: `u`, `r` (go on without me) and `k` (stop); the end of stdin without `r` is `k`, and
 * after `k` it means that nobody waits for a clean end.
 *
 * When the command has ended and something else still holds its output open, the output counts as complete
 * when nothing was added for 250 ms and `tee` sleeps, which it does only when it has read everything.
 *
 * If nobody listens to `x`, nobody knows the job's ID, so its directory is removed.
 *
 * The first lines start parts that talk to the last part (`events`) over a pipe. All parts ignore HUP and
 * TERM. The command is not started with `&`, because then it would ignore INT and QUIT; the shell that would
 * wait for the pipeline is killed instead. Redirections are made with `exec`: for those of a function call
 * or a group, dash keeps copies of the old files open.
 *
 * `tee` goes on when it cannot write to the file (limit reached, disk full), so everything is counted. The
 * shell prints a note exactly if a signal (other than INT and PIPE) ended the command: this distinguishes a
 * signal from an exit code over 128. bash does so only for a script that is not an argument.
 *
 * A container decides what it prints before its start line. So the same file limit holds for that part, a
 * line may not fill the memory, and the start line is one of the first 1,000 lines.
 */
export const RUNNER = compact(`
  exec 2>/dev/null
  trap "" HUP TERM PIPE
  j_dir=$1 j_blocks=$2 j_seconds=$3 j_attended=$4 j_out=$5 j_err=$6 j_command=$7 j_launch=$8 j_grace=$9
  # The stdin of the command is empty, unless the starter has put something there.
  [ "\${10}" = asks ] || exec 8</dev/null
  exec 6<&0 7>&1 </dev/null >/dev/null
  ${PROCESSES}
  ${NEW_SESSION}
  j_timer() {
    trap "kill -KILL \\$! ; exit" USR1
    sleep "$j_seconds" & wait $!
    echo t >&4
  }
  j_orders() {
    j_told=
    while IFS= read -r j_order; do
      case $j_order in
        u) echo u >&7 ;;
        r) echo r >&4; exit ;;
        k) echo k >&4; j_told=1 ;;
      esac
    done
    [ -z "$j_told" ] || [ -n "$j_grace" ] || {
      read -r j_pid j_begun < "$j_dir/pid"
      finish_job "$j_pid" "$j_begun" 0
    }
    echo k >&4
  }
  j_run() {
    exec 5>&2 2>"$j_dir/note"
    if [ -n "$BASH_VERSION" ]; then
      trap - HUP TERM PIPE
      {
        declare -f j_session
        echo '( j_session sh -c "$1" sh "$2" "$3" 2>&5 5>&- <&8 8<&- )'
      } | sh -s "$j_launch" "$j_dir/pid" "$j_command" 4>&-
    else
      (
        trap - HUP TERM PIPE
        j_session sh -c "$j_launch" sh "$j_dir/pid" "$j_command" 2>&5 4>&- 5>&- <&8 8<&-
      )
    fi
    j_code=$?
    exec >/dev/null 2>&1 5>&-
    j_clock &
    echo "x $j_code $!" >&4
  }
  j_clock() {
    while nap 0.25; do echo q >&4 || exit; done
  }
  j_quiet() {
    j_last=$j_sizes j_sizes=$(wc -c < "$j_dir/stdout"; wc -c < "$j_dir/stderr")
    j_turns=$((j_turns+1))
    [ $j_turns -lt 40 ] || return 0
    [ "$j_last" = "$j_sizes" ] || return
    set -- $j_tees
    [ $# -eq 2 ] || [ -z "$j_proc" ] || return
    j_gone=0
    for j_pid in "$@"; do
      st $j_pid || state=Z
      case $state in S) ;; [ZX]) j_gone=$((j_gone+1)) ;; *) return 1 ;; esac
    done
    # A part whose tee has ended reports that itself, when its total is written.
    [ $j_gone -le $j_captured ]
  }
  j_capture() {
    trap "" XFSZ
    ulimit -f "$j_blocks"
    ulimit -v 500000
    if [ -n "$2" ]; then
      j_lines=0
      while j_line=; IFS= read -r j_line || { printf %s "$j_line" >> "$1.before"; false; }; do
        case $j_line in *"$2") printf %s "\${j_line%"$2"}" >> "$1.before"; : > "$1.marked"; break ;; esac
        printf "%s\\n" "$j_line" >> "$1.before"
        j_lines=$((j_lines+1))
        [ $j_lines -lt 1000 ] || break
      done
    fi
    { read -r j_pid j_x < /proc/self/stat; echo "w $j_pid" >&4; exec tee "$1"; } | wc -c 1<>"$1.total"
    echo c >&4
  }
  j_events() {
    exec 6<&-
    if [ -n "$j_proc" ]; then
      st self && set -- $x
    else
      sh -c 'echo $PPID' > "$j_dir/self"
      read -r j_pid < "$j_dir/self" && st $j_pid && set -- $j_pid
    fi
    printf "%-98s\\n" "$1 $begun" 1<>"$j_dir/runner"
    [ "$1" = $$ ] || kill -KILL $$
    [ -n "$j_attended" ] || exec 7>/dev/null
    j_ended= j_captured=0 j_helpers= j_pause= j_tees= j_sizes= j_turns=0
    while [ -z "$j_ended" ] || [ "$j_captured" -lt 2 ]; do
      IFS= read -r j_event || break
      case $j_event in
        p*) j_helpers=\${j_event#p} ;;
        x*) set -- \${j_event#x}; j_ended=$1 j_pause=$2 ;;
        c) j_captured=$((j_captured+1)) ;;
        w*) j_tees="$j_tees \${j_event#w}" ;;
        q) j_quiet && j_captured=2 ;;
        t) j_end timed_out ;;
        k) j_end stopped ;;
        r) echo r >&7; exec 7>/dev/null ;;
      esac
    done
    kill -KILL $j_pause
    j_status
    echo x >&7 || rm -rf -- "$j_dir/meta" "$j_dir"
    for j_helper in $j_helpers; do kill -USR1 $j_helper; done
  }
  j_end() {
    [ -z "$j_ended" ] || return
    read -r j_reason < "$j_dir/ending"
    [ -n "$j_reason" ] || printf "%-38s\\n" "$1" 1<>"$j_dir/ending"
    set -- 0
    while read -r j_pid j_begun < "$j_dir/pid"; [ -z "$j_pid" ] && [ $1 -lt 50 ]; do nap 0.02; set -- $(($1+1)); done
    finish_job "$j_pid" "$j_begun" \${j_grace:-100} $j_grace
    [ "$left" = 0 ] || echo "n $left" >&7
  }
  j_status() {
    j_state=exited j_signal=- j_o=- j_e=-
    read -r j_reason < "$j_dir/ending" && [ -n "$j_reason" ] && j_state=$j_reason
    [ -s "$j_dir/note" ] && j_signal=$(kill -l "$j_ended")
    read -r j_o < "$j_dir/stdout.total"
    read -r j_e < "$j_dir/stderr.total"
    t=-
    now
    printf "%-198s\\n" "$j_state $j_ended $j_signal $(date +%s) \${j_o:--} \${j_e:--} $t" 1<>"$j_dir/status.new"
    mv -f "$j_dir/status.new" "$j_dir/status"
  }
  {
    { exec >/dev/null 6<&- 7>&-; j_timer; } & j_pids=$!
    if [ -n "$j_attended" ]; then { exec <&6 6<&-; j_orders; } & j_pids="$j_pids $!"; fi
    exec 6<&- 7>&-
    echo "p $j_pids" >&4
    {
      { exec 2>&1 >&3 3>&-; j_run; } |
        { exec >/dev/null 3>&-; j_capture "$j_dir/stderr" "$j_err"; }
    } 3>&1 | { exec >/dev/null; j_capture "$j_dir/stdout" "$j_out"; }
  } 4>&1 | j_events
`);

export { LAUNCH };
