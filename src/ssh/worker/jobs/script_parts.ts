import { loginScript } from "../../../shell/login_line.ts";
import { PRINT_START_MARK } from "../../../shell/start_mark.ts";
import { PROCESSES } from "./portable.ts";

/** Returns a line for any login shell that runs a script; its words are `$1`, `$2`, …. */
export const scriptLine = (script: string, ...words: readonly string[]): string =>
  loginScript(PRINT_START_MARK, script, ...words);

/** A job's directory: 128 random bits. */
export const ID_GLOB = "?".repeat(32);

/**
 * Where jobs are: below the login's home, else in a directory of the login's own in /tmp. Directories of
 * others, symbolic links and directories that others may enter do not count.
 */
export const PLACES = `
  exec 2>/dev/null
  j_home=\${XDG_STATE_HOME:-$HOME/.local/state}
  case $j_home in /*) ;; *) j_home=$HOME/.local/state ;; esac
  j_host=
  read -r j_host < /proc/sys/kernel/hostname
  [ -n "$j_host" ] || j_host=$(uname -n)
  j_owned() { [ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ]; }
  j_newline="
  "
  j_private() {
    j_rest=$j_newline$(LC_ALL=C ls -ldn -- "$@")
    while [ -n "$j_rest" ]; do
      j_rest=\${j_rest#"$j_newline"}
      case $j_rest in drwx------*) ;; *) return 1 ;; esac
      case $j_rest in *"$j_newline"*) j_rest=$j_newline\${j_rest#*"$j_newline"} ;; *) j_rest= ;; esac
    done
  }
`;

/**
 * Prints what is known about a job: `J ID STATUS`, `A START BOOT UPTIME HOST .` and `M META`. It fails for
 * what is no job, and for one that has not ended and is of another host, which shares the home: only that
 * host knows its processes. It fails for long lines too. Sets `j_foreign` to 1 for these and for the latter.
 */
export const RECORD = `
  ${PROCESSES}
  j_boot=
  read -r j_boot < /proc/sys/kernel/random/boot_id
  j_clock() { t=-; now; echo "T $(date +%s) $t"; }
  j_lives() {
    read -r j_pid j_begun j_x < "$1" && [ -n "$j_pid" ] && st "$j_pid" &&
      [ "$begun" = "$j_begun" ] && case $state in [ZX]*) false ;; esac
  }
  j_finish() {
    printf "%-198s\\n" "$2" > "$1/status.last" && mv -f "$1/status.last" "$1/status"
  }
  j_record() {
    j_meta= j_at= j_status= j_foreign=
    { IFS= read -r j_meta; IFS= read -r j_at; } < "$1/meta"
    case $j_at in *.) ;; *) return 1 ;; esac
    read -r j_status < "$1/status"
    # The starter writes less; the reader takes lines of 64 kB.
    [ $((\${#j_meta}+\${#j_at}+\${#j_status})) -le 30000 ] || { j_foreign=1; return 1; }
    if [ -z "$j_status" ]; then
      case $j_at in
        *" \${j_host:--} ."|*" - .") ;;
        *" "*" "*" "*" ".) j_foreign=1; return 1 ;;
      esac
      case $j_at in *" $j_boot "*) j_lives "$1/runner" || j_lives "$1/pid" ;; *) false ;; esac &&
        j_status=running
      [ -n "$j_status" ] || read -r j_status < "$1/status" || j_status=lost
    fi
    printf "J %s %s\\nA %s\\nM %s\\n" "\${1##*/}" "$j_status" "$j_at" "$j_meta"
  }
`;

/** Prints `$3` bytes of the file `$1` from the offset `$2`; `dd` seeks there in every implementation. */
export const RANGE = `
  j_range() {
    if [ "$2" = 0 ]; then
      head -c $3 < "$1"
    else
      dd bs=65536 skip=$(($2/65536)) < "$1" | tail -c +$(($2%65536+1)) | head -c $3
    fi
  }
`;

/** Sets the sizes of the streams of the job in the working directory. */
export const SIZES = `
  j_sizes() {
    set -- $(LC_ALL=C ls -ln stdout stderr)
    j_size_stderr=$5 j_size_stdout=\${14}
  }
`;

/** Enters the directory of the job `$1`, or ends with `E missing`. */
export const FIND = `
  ${PLACES}
  ${RECORD}
  for j_base in "$j_home/mcp-remote-exec" /tmp/mcp-remote-exec-*; do
    j_dir=$j_base/jobs/$1
    j_owned "$j_base" && j_owned "$j_base/jobs" && j_owned "$j_dir" &&
      j_private "$j_base" "$j_base/jobs" "$j_dir" && cd "$j_dir" && j_record "$j_dir" >/dev/null && break
    j_dir=
  done
  [ -n "$j_dir" ] || { echo "E missing"; exit; }
  ${SIZES}
`;
