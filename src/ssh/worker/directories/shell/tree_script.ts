import { EXTEND_PATH } from "../../../../shell/search_path.ts";
import { assign, need } from "../../files/shell/file_scripts.ts";

/** Programs that the script needs on the host, apart from a hash tool. */
const PROGRAMS = ["find", "stat", "xargs", "dd", "mkdir", "mv", "rm", "tar", "sort", "cat"];

/** The letters of the hash tools in the conversation: openssl, sha256sum, shasum. */
export type HashTool = "o" | "s" | "h";

const HASH_TOOLS: Readonly<Record<HashTool, string>> = {
  o: "openssl dgst -sha256 -r",
  s: "sha256sum",
  h: "shasum -a 256",
};

/** What a hash tool prints between hash and path. */
export const separatorOf = (tool: HashTool): string => tool === "o" ? " *" : "  ";

/** A block that follows the archives of one answer; no tar header begins with it. */
export const TAR_STOP = new TextEncoder().encode("//stop".padEnd(512));

/** The options of {@linkcode treeScript}. */
export interface TreeScriptOptions {
  /** Relative paths start at the login directory. */
  readonly path: string;
  /** Name of the staging directory. */
  readonly stage: string;
  /** Sends all files behind the list if they are small together. */
  readonly sends: boolean;
}

/** Bytes of files that are sent unasked: less than the window of a channel. */
const MAX_SENT_BYTES = 1_500_000;
/** The list of so many files is kept in a variable. */
const MAX_LIST_BYTES = 200_000;

/**
 * Returns the script that serves one copy of a directory: for any POSIX `sh`, busybox too. It prints what
 * is in the directory and then answers commands on stdin until their end. All paths in the conversation
 * begin with `.//`, which no name can contain, so each record is unambiguous whatever the names are. Lists
 * of paths come as a number of bytes, separated by NUL.
 *
 * Header: `E KIND`, or `S EXISTS TOOLS SENDS`, `//R` and the directory, the list, and `//E` at the end:
 * - `//MODE SIZE MTIME UID GID .//PATH` (mode in hexadecimal)
 * - `//L TARGET .//PATH` without the spaces; no target if it has a line feed, which could begin another record
 * - `//U.//PATH`: a directory that cannot be read
 *
 * If SENDS is 1, the directory follows as a tar archive, then the hashes of all files, and `//E`.
 *
 * Commands, each with its answer up to `//E`:
 * - `h N TOOL`: hash the files of a list
 * - `g N M TOOL FLAGS`: send the files of the second list as tar archives, then the hashes of the first,
 *   which are computed meanwhile; with flag `1` one archive of each file, with `u` names have backslashes
 * - `m N`: make the staging directory, the root, and the directories of a list; with perl (`p` in TOOLS),
 *   directories are made as files need them
 * - `t ID N TOOL`: unpack N bytes of tar in the staging directory; a line `DIGEST FLAG LINKS` follows them
 *   (the number of links). If the sorted list of the hashes has that digest (`=N`: if the hashes are those
 *   of N further bytes, the list that the hash tool would print), give the files their names with `mv FLAG`
 *   (`//V ID 1`, then `//F.//PATH` for each that could not), else list them (`//V ID 0`)
 * - `r ID N FLAG`: the same for a list of files that must not get their names
 * - `x N`, `y N`: remove files; remove empty directories
 * - `u N TIME FLAG`, `c N MODE`: set the time with `touch FLAG`; the mode
 * - `z N`: unpack the directories' own attributes; like `u` and `c`, it answers `//W` if something failed
 * - `q 0`: remove the staging directory
 * After a `//V ID 0` the last seven answer `//S` and do nothing, until it has been settled.
 *
 * The staging directory is removed at the end of stdin and on a signal.
 */
export const treeScript = ({ path, stage, sends }: TreeScriptOptions): string =>
  [
    EXTEND_PATH,
    // The programs must not read the conversation.
    "LC_ALL=C; export LC_ALL; exec 5<&0 </dev/null",
    need(...PROGRAMS),
    assign("k", stage),
    assign("f", path),
    "case $f in /*) ;; *) cd; f=$(pwd; echo x); f=${f%?x}/; " +
    `${assign("g", path)}; f=$f$g;; esac`,
    "e=0; s=; L=",
    'if [ -d "$f" ]; then e=1; cd -P -- "$f" 2>/dev/null && [ -r . ] || { echo "E denied"; exit 0; }; ' +
    'f=$PWD; elif [ -e "$f" ] || [ -L "$f" ]; then echo "E special"; exit 0; fi',
    'while [ "$f" != "${f%/}" ] && [ -n "${f%/}" ]; do f=${f%/}; done',
    "o=; for p in openssl sha256sum shasum; do command -v $p >/dev/null 2>&1 && case $p in openssl) o=${o}o;; " +
    "sha256sum) o=${o}s;; *) o=${o}h;; esac; done",
    '[ -n "$o" ] || { echo "E tool sha256sum"; exit 0; }; ! command -v perl >/dev/null 2>&1 || o=${o}p',
    ...Object.entries(FUNCTIONS).map(([name, body]) => `${name}() { ${body}; }`),
    `E=${quoted('for l do if [ -e "$l" ] || [ -L "$l" ]; then printf "//F%s\\n" "$l"; fi; done')}`,
    `R=${
      quoted(
        'for l do t=$(readlink "$l"; echo x); t=${t%?x}; case $t in *"\n"*) t=;; esac; ' +
          'printf "//L%s%s\\n" "$t" "$l"; done',
      )
    }`,
    `U=${
      quoted(
        `for l do { [ -r "$l" ] && [ -x "$l" ] && ${LISTED}; } || printf "//U%s\\n" "$l"; done`,
      )
    }`,
    `K=${quoted(REAL)}; P=${quoted(PLACE)}; N=${quoted(RENAME)}; export P`,
    'trap "cd /; wait; [ -z \\"\\$s\\" ] || rm -rf -- \\"\\$s\\"" EXIT; trap "exit 1" HUP INT TERM PIPE',
    // BSD's stat does not know -c. A list that `peek` has made proves that this one does.
    `w=; ${sends ? "[ $e = 0 ] || peek; " : ""}[ -n "$w" ] || stat -c %d / >/dev/null 2>&1 || ` +
    '{ echo "E tool stat"; exit 0; }; echo "S $e $o $w"; printf "//R%s\\n" "$f"',
    'if [ -n "$w" ]; then send; else [ $e = 0 ] || list; echo //E; fi',
    `while IFS=" " read -r v n a b c d <&5; do case $v in ${
      COMMANDS.join(" ")
    } *) exit 0;; esac; echo //E; done`,
  ].join("\n");

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * Renames each file to its name, creates missing directories for it, and prints what failed. One process
 * for all is much faster than one `mv` for each directory.
 */
const RENAME = 'chomp; my $t = "$ENV{f}/" . substr($_, 3); my ($d) = $t =~ m{^(.*)/}s; ' +
  "if (!defined $ok{$d}) { my $p = $ENV{f}; $ok{$d} = 1; " +
  'for (split m{/}, substr($d, 1 + length $p)) { $p .= "/$_"; mkdir $p; $ok{$d} = 0 if -l $p || !-d _ } } ' +
  'my $is_named = $ok{$d} && ($ENV{o} eq "-f" ? rename($_, $t) : link($_, $t) && unlink($_)); ' +
  'print "//F$_\\n" if !$is_named';

/** The same without perl: moves the files of each directory by one `mv`. */
const PLACE = "t=${0%/}; o=$1; shift; for d do q=$t/${d#.//}; q=${q%/}; " +
  '( cd -P -- "${q:-/}" 2>/dev/null && [ "$PWD" = "${q:-/}" ] ) || continue; ' +
  'find "$d" -maxdepth 1 ! -type d -exec sh -c "exec mv $o -- \\"\\$@\\" \\"\\$0\\"" "$q/" {} +; done';

/**
 * Prints those of the paths that no link leads to, each followed by NUL, and `//F.//PATH` for the others on
 * descriptor 6: others may have changed the directory since it was listed. With X set, links themselves are
 * among the others.
 */
const REAL = "for l do p=${l#.//}; case $p in */*) p=${0%/}/${p%/*};; *) p=$0;; esac; " +
  '[ "$p" = "$k" ] || { k=$p; r=; cd -P -- "$p" 2>/dev/null && [ "$PWD" = "$p" ] && r=1; }; ' +
  'if [ -n "$r" ] && { [ -z "$X" ] || [ ! -L "./${l##*/}" ]; }; then printf "%s\\0" "$l"; ' +
  'else printf "//F%s\\n" "$l" >&6; fi; done';

/** True unless `find` failed: then each directory is tried, because nothing may be deleted for a bad disk. */
const LISTED = '{ [ -z "$L" ] || ls -A -- "$l" >/dev/null 2>&1; }';

const LIST = 'find .// -exec stat -c "//%f %s %Y %u %g %n" {} +';

const FUNCTIONS = {
  // dd never reads more than it should.
  take: "q=$(($1/65536)); r=$(($1%65536)); " +
    "[ $q -eq 0 ] || dd bs=65536 count=$q iflag=fullblock <&5 2>/dev/null; " +
    "[ $r -eq 0 ] || dd bs=$r count=1 iflag=fullblock <&5 2>/dev/null",
  tool:
    `case $1 in o) H="${HASH_TOOLS.o}";; s) H="${HASH_TOOLS.s}";; *) H="${HASH_TOOLS.h}";; esac`,
  list: `${LIST} || { L=1; export L; }; ` +
    'find .// -type l -exec sh -c "$R" sh {} +; find .// -type d -exec sh -c "$U" sh {} +',
  // Lists into $l. Sets $w if that is complete and the files are small together. A line of a name that
  // looks like a size changes only that sum.
  peek:
    `l="\n$({ ${LIST} 2>/dev/null || echo //X; } | head -c ${MAX_LIST_BYTES}; echo x)"; l=\${l%x}; ` +
    `case $l in *"\n//X\n") return;; *" .//\n"*) ;; *) return;; esac; ` +
    `[ \${#l} -lt ${MAX_LIST_BYTES} ] || return 0; w=0; IFS="\n"; set -f; ` +
    'for x in $l; do case $x in "//8"???" "*) x=${x#"//8"???" "}; x=${x%% *}; ' +
    'case $x in ""|*[!0-9]*) ;; *) w=$((w+x));; esac;; esac; done; set +f; unset IFS; ' +
    `[ "$w" -lt ${MAX_SENT_BYTES} ] && w=1 || w=`,
  // Every directory can be read, or there was no list. The hashes wait in the pipe until the archive is sent.
  send:
    'printf "%s" "${l#?}"; case $l in *"\n//a"*) find .// -type l -exec sh -c "$R" sh {} +;; esac; ' +
    "echo //E; case $o in *s*) tool s;; o*) tool o;; *) tool h;; esac; " +
    'seen 0 | { tar -cf - .; printf "%-512s" //stop; cat; }; echo //E',
  real: 'X=$1 xargs -0 sh -c "$K" "$f"',
  seen: 'find .// -type f -exec $H {} +; [ "$1" = 0 ] || find .// -type l -exec sh -c "$R" sh {} +',
  // Beside the directory if that is the same file system, and if the directory passes neither a group nor an
  // access control list on to what is created in it.
  stage: 'p=${f%/*}/; [ -d "$p" ] || mkdir -p -- "$p"; s=$p$k; ' +
    '[ $e = 0 ] || { [ "$(stat -c %d "$p")" = "$(stat -c %d "$f")" ] || s=; ' +
    'case $(ls -ld "$f") in ??????[sS]*|??????????+*) s=;; esac; }; ' +
    '{ [ -n "$s" ] && mkdir -m 700 -- "$s" "$s/0"; } 2>/dev/null || ' +
    '{ s=$f/$k; mkdir -m 700 -- "$s" "$s/0" || { s=; echo "E denied"; exit 0; }; }',
  // In the directory of one batch. Whatever could not be moved is still there.
  place: 'echo "//V $1 1"; ' +
    'case $o in *p) find .// ! -type d -print0 | f=$f o=$2 perl -0 -n -e "$N";; ' +
    '*) find .// -type d -exec sh -c "eval \\"\\$P\\"" "$f" $2 {} +; ' +
    'find .// ! -type d -exec sh -c "$E" sh {} +;; esac',
  check: 'case $2 in =*) have=; ! $H -c < "$s/list$1" >/dev/null 2>&1 || have=$2;; ' +
    '*) have=$(seen $4 | sort | $H);; esac; if [ "${have%% *}" = "$2" ]; then place $1 $3; ' +
    'else : > "$s/wait"; echo "//V $1 0"; seen; fi; echo //E',
} as const;

const gated = (letter: string, work: string): string =>
  `${letter}) wait; if [ -e "$s/wait" ]; then take $n > /dev/null; echo //S; else ${work}; fi;;`;

const COMMANDS = [
  'h) tool $a; take $n | ( cd "$f" && xargs -0 $H );;',
  // The line `go` comes when the first list is read, so the two never read stdin at the same time.
  // GNU tar takes backslashes in its arguments for escapes; others do not know the option.
  "g) tool $b; u=; case $c in *u*) ! tar --no-unquote --version >/dev/null 2>&1 || u=--no-unquote;; esac; " +
  'case $c in *1*) c="-n 1";; *) c=;; esac; ' +
  '{ { [ $n -eq 0 ] || take $n; echo go >&3; } | { [ $n -eq 0 ] && cat >/dev/null || ( cd "$f" && xargs -0 $H ); }; } 3>&1 | ' +
  '{ read -r go; take $a | ( cd "$f" && xargs -0 $c tar $u -cf - ); printf "%-512s" //stop; cat; };;',
  'm) stage; mkdir -p -- "$f"; f=$(cd -P -- "$f" && pwd -P; echo x); f=${f%?x}; [ $n -eq 0 ] || take $n | ( cd "$f" && xargs -0 mkdir -p -- );;',
  't) tool $b; [ -d "$s/$n" ] || mkdir "$s/$n"; cd "$s/$n" || exit 1; take $a | { tar -xpf -; cat >/dev/null; }; ' +
  'IFS=" " read -r c d l <&5 || exit 1; case $c in =*) take ${c#=} > "$s/list$n";; esac; wait; check $n $c $d $l & continue;;',
  'r) wait; cd "$s/$n" || exit 1; [ $a -eq 0 ] || take $a | xargs -0 rm -f --; rm -f -- "$s/wait"; place $n $b;;',
  gated(
    "x",
    '{ take $n | real | ( cd "$f" && xargs -0 sh -c "rm -f -- \\"\\$@\\"; $E" sh ); } 6>&1',
  ),
  gated("y", '{ take $n | real | ( cd "$f" && xargs -0 rmdir -- 2>/dev/null ); } 6>/dev/null'),
  gated(
    "u",
    'c=1; [ -z "$b" ] || c=; ' +
      '{ take $n | real $c | ( cd "$f" && xargs -0 touch -c $b -d "@$a" -- ) || echo //W; } 6>/dev/null',
  ),
  gated(
    "c",
    '{ take $n | real 1 | ( cd "$f" && xargs -0 chmod "$a" -- ) || echo //W; } 6>/dev/null',
  ),
  gated("z", 'take $n | ( cd "$f" && tar -xpf - ) || echo //W'),
  gated("q", 'cd /; rm -rf -- "$s"; s='),
];
