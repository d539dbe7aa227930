/**
 * The guard: a small program that runs on the host beside a connection's commands, for as long as
 * the connection lives. It knows the commands' processes because they are its siblings: sshd starts
 * every session's shell as its own child and as the leader of a session of its own, in the order in
 * which they were asked for. So nothing has to be added to the commands themselves.
 *
 * Lines on its stdin: `s` note the siblings · `l ID` list them · `k ID PID:START` end that session,
 * `k ID PID:START HUNDREDTHS` without KILL, waiting for so long · `+PATH` remove the file at the end · `-PATH` no longer (PATH as `printf %b` takes it) · `q` end everything.
 * Lines on its stdout start with its token. When stdin ends (the client quit, was killed, or lost its
 * link) it ends the sessions it last noted, if they are still the same processes, and removes the files.
 *
 * A process is told by pid and start time, so that a reused pid is never taken for it. Zombies do not
 * count as alive. What has left its session (`setsid`) is on its own.
 *
 * One line, without single quotes and `!`, so that every login shell (csh and fish too) hands it on.
 * Source: sshd session.c do_exec_no_pty (setsid in the child); proc(5) for `stat` and `children`.
 */
const SCRIPT = [
  `exec 2>/dev/null; trap "" HUP INT TERM PIPE; P=$PPID; T=$0; L=;`,
  // Fields of /proc/PID/stat; the name in parentheses may hold anything, so count from the last one.
  `st() { x=; while IFS= read -r y; do x="$x $y"; done < /proc/$1/stat || return 1; [ -n "$x" ] || return 1; set -- \${x##*) }; state=$1; sid=$4; begun=\${20}; };`,
  `note() { c=; IFS= read -r c < /proc/$P/task/$P/children; n=; for k in $c; do e=; for o in $L; do case $o in $k:*) e=$o;; esac; done; [ -n "$e" ] || { st $k && e=$k:$begun; }; [ -n "$e" ] && n="$n $e"; done; L=$n; };`,
  `members() { M=; for d in /proc/[0-9]*; do st \${d#/proc/} || continue; case " $1 " in *" $sid "*) case $state in [ZX]*) ;; *) M="$M \${d#/proc/}";; esac;; esac; done; };`,
  `nap() { sleep $1 || sleep 1; };`,
  // Hundredths of a second.
  `now() { read -r t x < /proc/uptime; t=\${t%.*}\${t#*.}; };`,
  // Some time for a clean end, then KILL until nothing is left (what forks is met again), if it may be.
  `finish() { members "$1"; [ -n "$M" ] && { kill -TERM $M; kill -CONT $M; }; now; s=$((t+100)); u=$((t+$2)); while members "$1"; [ -n "$M" ] && [ $t -lt $u ]; do if [ $t -lt $s ]; then nap 0.05; else nap 0.3; fi; now; done; u=$((t+200)); while [ -z "$3" ] && [ -n "$M" ] && [ $t -lt $u ]; do kill -KILL $M; nap 0.05; members "$1"; now; done; set -- $M; left=$#; };`,
  // What is still the process that was noted, and leads its own session.
  `same() { st \${1%%:*} && [ "$begun" = "\${1#*:}" ] && [ "$sid" = "\${1%%:*}" ]; };`,
  // -1: not a session leader, so this way of ending it does not apply.
  `end() { p=\${2%%:*}; left=0; if st $p; then if [ "$begun" = "\${2#*:}" ]; then if [ "$sid" = $p ]; then finish $p \${3:-100} $3; else left=-1; fi; fi; else finish $p \${3:-100} $3; fi; echo "$T k $1 $left"; };`,
  `note; case " $L" in *" $$:"*) echo "$T ready $$";; *) echo "$T none"; exit 0;; esac;`,
  `while IFS= read -r l; do case $l in`,
  `s) note;;`,
  `l*) note; echo "$T l \${l#l }$L";;`,
  `k*) ( end \${l#k } ) & ;;`,
  `+*) set -- "$@" "$(printf %b "\${l#+}")";;`,
  `-*) l=$(printf %b "\${l#-}"); for f do shift; [ "$f" = "$l" ] || set -- "$@" "$f"; done;;`,
  `q) note; break;;`,
  `esac; done;`,
  `S=; for e in $L; do [ "\${e%%:*}" = $$ ] || { same $e && S="$S \${e%%:*}"; }; done;`,
  // The program that quits has two seconds for everything.
  `[ -n "$S" ] && ( finish "$S" 60 );`,
  `for f do rm -f -- "$f"; done;`,
  `echo "$T q"`,
].join(" ");

/** The command that starts the guard; its lines begin with `token` (letters and digits only). */
export const guardCommand = (token: string): string => `exec sh -c '${SCRIPT}' ${token}`;
