import { EXTEND_PATH } from "../../../../shell/search_path.ts";
import { assign, HASH_STDIN, MUST_BE_FILE, need, stat } from "./file_scripts.ts";

/** Block size for reading content from stdin. `dd` is used because it never reads more than requested. */
const BLOCK = 65_536;

/** The options of {@linkcode writeScript}. */
export interface WriteScriptOptions {
  readonly path: string;
  readonly temporaryName: string;
  readonly size: number;
  readonly overwrite: boolean;
  /** Permission bits; default: those of the replaced file, or 0644. */
  readonly mode: number | undefined;
  /** A new file gets the mode by the login's umask instead of 0644. */
  readonly usesUmask?: boolean;
  /** Creates missing parent directories. */
  readonly parents?: boolean;
  /** Ends with `E changed` unless the replaced file has this hash directly before the rename. */
  readonly expectSha256?: string | undefined;
  /** Copies ACL and extended attributes of the replaced file where the host has the programs. */
  readonly keepsAttributes?: boolean;
  /**
   * Keeps the replaced file under this name, prints `P` after the rename, and waits for a line: after
   * `keep` it goes on, otherwise, also at the end of stdin, the replaced file gets its name back and the
   * last line is `U`, `E moved` if the new file was changed meanwhile, or `E kept` if the old one has kept this
   * name because it could not be put back.
   */
  readonly undoName?: string | undefined;
}

/**
 * Prints `K` when it is ready, reads exactly `size` bytes and then a line with their sha256, verifies
 * both, and renames the file. Prints `D SHA256 WANTED HAS` at the end: the hash of the file now, `-` if the
 * host has no hash tool,
 * then the mode that the file should have and the one it has. With `keepsAttributes`, 1 for a new file or 0
 * follows, and what was lost of the replaced one (`links`, `owner`, `acl`).
 * If stdin ends early, no file is left behind.
 *
 * A user who may write the directory can put a link under the temporary name. So the file is opened once, as
 * descriptor 3, and owner and mode are set through it (`$q`).
 */
export function writeScript(options: WriteScriptOptions): string {
  const { path, temporaryName, size, overwrite, mode, usesUmask, parents, expectSha256 } = options;
  const blocks = Math.floor(size / BLOCK);
  const rest = size % BLOCK;
  const take = [
    ...(blocks === 0 ? [] : [`dd bs=${BLOCK} count=${blocks} iflag=fullblock 2>/dev/null`]),
    ...(rest === 0 ? [] : [`dd bs=${rest} count=1 iflag=fullblock 2>/dev/null`]),
    ":",
  ].join("; ");
  return [
    EXTEND_PATH,
    need("dirname", "rm", "dd", "wc", "chmod", overwrite ? "mv" : "ln"),
    assign("f", path),
    `if [ -L "$f" ]; then ${
      need("readlink")
    }; f=$(readlink -f "$f" && echo x) && f=\${f%?x} && [ -e "$f" ] || { echo "E dangling"; exit 0; }; fi`,
    `o=; k=1; w=1; m=${
      mode !== undefined
        ? mode.toString(8)
        : usesUmask
        ? "$(printf %o $((0666 & ~0$(umask))))"
        : "644"
    }`,
    `if [ -e "$f" ]; then w=0; ${MUST_BE_FILE}; ${overwrite ? "" : `echo "E exists"; exit 0; `}` +
    // Without them the file would silently get another owner or mode.
    `${need("stat", "chown")}; ` +
    `set -- $(${stat("%u:%g %a %h", "%u:%g %Mp%Lp %l", '"$f"')}); ` +
    `[ -n "$2" ] || { echo "E tool stat"; exit 0; }; o=$1; k=\${3:-1}; ${
      mode === undefined ? "m=$2; " : ""
    }fi`,
    ...(path.endsWith("/") ? [`echo "E slash"; exit 0`] : []),
    `d=$(dirname "$f"; echo x); d=\${d%?x}; ${parents ? MAKE_PARENTS : ""}` +
    `[ -d "$d" ] || { echo "E parent"; exit 0; }`,
    ...expectation(expectSha256),
    assign("t", temporaryName),
    `t=$d/$t; b=`,
    // Only the owner can read the content until it is complete.
    `umask 077; set -C; { command exec 3> "$t"; } 2>/dev/null || ` +
    `{ [ -f "$f" ] && [ -w "$f" ] && echo "E beside" || echo "E denied"; exit 0; }; set +C`,
    `trap "rm -f -- \\"\\$t\\"" EXIT; trap "exit 1" HUP INT TERM PIPE`,
    `q=/proc/self/fd/3; [ -e "$q" ] || q=$t`,
    `echo K`,
    `{ ${take}; } >&3 || { echo "E write"; exit 0; }`,
    `IFS= read -r want || exit 1`,
    `n=$(wc -c < "$t"); [ "$((n))" -eq ${size} ] || { echo "E size $((n))"; exit 0; }`,
    `have=$({ ${HASH_STDIN}; } < "$t"); have=\${have%% *}; [ -z "$have" ] || [ "$have" = "$want" ] || { echo "E hash $have"; exit 0; }`,
    `facts() { set -- $(${
      stat("%u:%g %a", "%u:%g %Mp%Lp", '-L "$q"')
    }); u=$1; a=\${2:-$a}; }; u=; a=600`,
    // Some file systems allow only one mode.
    ...(options.keepsAttributes ? [KEEP_ATTRIBUTES] : [
      `[ -z "$o" ] || chown "$o" "$q" 2>/dev/null`,
      `chmod "$m" "$q" 2>/dev/null && a=$m; facts`,
    ]),
    // A program that is open for writing cannot be started by the check.
    `exec 3>&-`,
    ...(mode === undefined
      ? []
      : [`[ "$((0$a))" -eq "$((0$m))" ] || { echo "E mode $a $m"; exit 0; }`]),
    MOVE,
    ...(options.undoName === undefined ? [] : keepOld(options.undoName)),
    ...(expectSha256 === undefined ? [] : [
      `${LOCK}; same || { [ -n "$h" ] && echo "E changed" || echo "E tool sha256sum"; exit 0; }`,
    ]),
    overwrite
      ? `x=$(move "$t" "$f" 2>&1) || { grep -qF " $f " /proc/self/mountinfo 2>/dev/null && echo "E mount" || ${NOT_NAMED}; exit 0; }`
      : `x=$(ln "$t" "$f" 2>&1) || { [ -e "$f" ] && echo "E exists" || ${NOT_NAMED}; exit 0; }`,
    ...(expectSha256 === undefined ? [] : [`exec 4<&-`]),
    ...(options.undoName === undefined ? [] : [KEEP_OR_UNDO]),
    `echo "D \${have:--} $m $a${options.keepsAttributes ? " $w$l" : ""}"`,
  ].join("; ");
}

const NOT_NAMED = `printf "E name%s\\n" "\${x:+ $x}"`;

const MAKE_PARENTS =
  `[ -d "$d" ] || { x=$(mkdir -p -- "$d" 2>&1) || { printf "E makedir %s\\n" "$x"; exit 0; }; }; `;

/** Defines `move`, which replaces a file and never moves into a directory of its name. */
const MOVE = `move() { mv -fT -- "$1" "$2" 2>/dev/null || { [ ! -d "$2" ] && mv -f "$1" "$2"; }; }`;

/**
 * Locks the file that will be replaced, so that of two servers only one finds it unchanged. Another
 * program may hold such a lock for long; then nothing is locked.
 */
const LOCK = `! command -v flock >/dev/null 2>&1 || ` +
  `! { command exec 4< "$f"; } 2>/dev/null || flock -w 5 4 2>/dev/null || :`;

/** Defines `same`, which compares the replaced file with the hash it should have. */
const expectation = (sha256: string | undefined): string[] =>
  sha256 === undefined ? [] : [
    `same() { h=$({ ${HASH_STDIN}; } < "$f" 2>/dev/null); [ "\${h%% *}" = ${sha256} ]; }`,
    `[ -e "$f" ] || { echo "E changed"; exit 0; }; [ -r "$f" ] || { echo "E denied"; exit 0; }`,
  ];

/**
 * Sets owner and mode, and copies what else the replaced file has but its content; GNU `cp` does all of it.
 * Elsewhere the programs of the acl package copy the ACL. Sets `l` to what could not be kept; `ls` shows an
 * ACL by a plus sign.
 */
const KEEP_ATTRIBUTES = [
  `l=; g=`,
  `if [ "$w" -eq 0 ]; then [ "$k" -eq 1 ] || l="$l links"; ` +
  `if cp --attributes-only --preserve=all -- "$f" "$q" 2>/dev/null; then g=1; touch "$q"; ` +
  `elif command -v setfacl >/dev/null 2>&1; then getfacl -p -- "$f" 2>/dev/null | setfacl --set-file=- -- "$q" 2>/dev/null; fi; fi`,
  `facts; c=; [ -z "$o" ] || [ "$o" = "$u" ] || { c=1; chown "$o" "$q" 2>/dev/null; }`,
  // A change of the owner may have removed bits of the mode.
  `[ "$c$a" = "$m" ] || { chmod "$m" "$q" 2>/dev/null; facts; [ -n "$u" ] || a=$m; }`,
  `if [ "$w" -eq 0 ]; then [ "$o" = "$u" ] || l="$l owner"; ` +
  `[ -n "$g" ] || case $(ls -ld "$f" 2>/dev/null) in ??????????+*) case $(ls -ld "$t" 2>/dev/null) in ??????????+*) ;; *) l="$l acl";; esac;; esac; fi`,
].join("; ");

/** Links the replaced file under a second name, from which it is restored however the script ends. */
const keepOld = (name: string): string[] => [
  assign("b", name),
  `b=$d/$b; r="E kept"`,
  // Programs that it starts ignore the signals too.
  `undo() { trap "" HUP INT TERM PIPE; [ -n "$b" ] && [ -e "$b" ] || return 0; h=$({ ${HASH_STDIN}; } < "$f" 2>/dev/null); ` +
  `if [ -z "$have" ] || [ "\${h%% *}" = "$want" ]; then move "$b" "$f" && r=U; else rm -f "$b"; r="E moved"; fi; b=; }`,
  `trap "undo; rm -f -- \\"\\$t\\"" EXIT`,
  `ln "$f" "$b" 2>/dev/null || cp -Pp "$f" "$b" 2>/dev/null || { b=; echo "E undo"; exit 0; }`,
];

/** The check may have changed the file, so its hash is computed again. */
const KEEP_OR_UNDO = `echo P; IFS= read -r q; ` +
  `if [ "$q" = keep ]; then trap "" HUP INT TERM PIPE; rm -f "$b"; b=; ` +
  `h=$({ ${HASH_STDIN}; } < "$f" 2>/dev/null); [ -z "$h" ] || have=\${h%% *}; else undo; echo "$r"; exit 0; fi`;
