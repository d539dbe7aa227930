import { loginLine, scriptWords } from "../../../shell/login_line.ts";
import { asciiText } from "../../../shell/quote.ts";
import { EXTEND_PATH } from "../../../shell/search_path.ts";
import { PRINT_START_MARK } from "../../../shell/start_mark.ts";

/** Block size for reading content from stdin. `dd` is used because it never reads more than requested. */
const BLOCK = 65_536;

/**
 * Returns a command line that runs one of the scripts below behind another command, such as
 * `pct exec 101 --`, from any login shell. Its output follows a start mark.
 */
export function scriptLine(prefix: string, script: string): string {
  return `${prefix} ${scriptWords(`${PRINT_START_MARK}; ${script}`)}`.trimStart();
}

/**
 * Scripts that read and write files that SFTP cannot reach, such as files in a container. They run in
 * any POSIX `sh` (busybox too) and are pure ASCII, because a program in between (`pct`) may decode its
 * arguments by the host's locale.
 *
 * They first extend PATH, and name a program that is missing (`E tool NAME`).
 *
 * The first line of output is `E KIND` for an error, or `S SIZE MODE MTIME` (mode in hexadecimal).
 */

/** Prints what is at a path: `S …` for a file, `D …` for a directory, `O …` for anything else. */
export const statScript = (path: string): string =>
  [
    EXTEND_PATH,
    assign("f", path),
    MUST_EXIST,
    FACTS,
    `k=O; [ -f "$f" ] && k=S; [ -d "$f" ] && k=D; echo "$k $facts"`,
  ].join("; ");

/**
 * Prints `S …`, then the content from `start` to `end`, then `H SHA256` if the range is the complete
 * file. A file whose size is 0 (as in /proc) or wrong (as in /sys) is read to its end, at most
 * `maxBytes` + 1 bytes, and its `SIZE` is 0.
 */
export function readScript(
  path: string,
  maxBytes: number,
  start: number,
  end: number | undefined,
): string {
  const whole = start === 0 && end === undefined;
  const length = end === undefined ? "$((n - " + start + "))" : String(end - start);
  const content = whole ? `head -c "$n" < "$f"` : `tail -c +${start + 1} "$f" | head -c ${length}`;
  return [
    EXTEND_PATH,
    assign("f", path),
    MUST_EXIST,
    MUST_BE_FILE,
    need("head", whole ? "wc" : "tail"),
    `[ -r "$f" ] || { echo "E denied"; exit 0; }`,
    FACTS,
    `n=\${facts%% *}`,
    `[ "$n" -le ${maxBytes} ] || { echo "E large $n"; exit 0; }`,
    // Files of /sys report one page and have less: their size counts as unknown.
    ...(whole
      ? [
        `if [ "$n" -le ${MAX_WRONG_SIZE} ] && [ "$(head -c "$n" < "$f" | wc -c)" -lt "$n" ]; then n=0; facts="0 \${facts#* }"; fi`,
      ]
      : []),
    `echo "S $facts"`,
    `if [ "$n" -eq 0 ]; then head -c ${maxBytes + 1} < "$f"; exit 0; fi`,
    content,
    ...(whole ? [`echo "H $(head -c "$n" < "$f" | { ${HASH_STDIN}; })"`] : []),
  ].join("; ");
}

/** Max size of files whose reported size may be wrong. */
const MAX_WRONG_SIZE = 65_536;

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
   * last line is `U`, or `E moved` if the new file was changed meanwhile.
   */
  readonly undoName?: string | undefined;
}

/**
 * Prints `K` when it is ready, reads exactly `size` bytes and then a line with their sha256, verifies
 * both, and renames the file. Prints `D SHA256 WANTED HAS` at the end: `-` if the host has no hash tool,
 * then the mode that the file should have and the one it has. With `keepsAttributes`, 1 for a new file or 0
 * follows, and what was lost of the replaced one (`links`, `owner`, `acl`).
 * If stdin ends early, no file is left behind.
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
    }; f=$(readlink -f "$f") && [ -e "$f" ] || { echo "E dangling"; exit 0; }; fi`,
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
    `set -- $(stat -c "%u:%g %a %h" "$f"); o=$1; k=\${3:-1}; ${
      mode === undefined ? "m=${2:-$m}; " : ""
    }fi`,
    ...(path.endsWith("/") ? [`echo "E slash"; exit 0`] : []),
    `d=$(dirname "$f"; echo x); d=\${d%?x}; ${
      parents ? `[ -d "$d" ] || mkdir -p "$d" 2>/dev/null; ` : ""
    }[ -d "$d" ] || { echo "E parent"; exit 0; }`,
    ...expectation(expectSha256),
    assign("t", temporaryName),
    `t=$d/$t; b=`,
    // Only the owner can read the content until it is complete.
    `umask 077; set -C; true 2>/dev/null > "$t" || { [ -f "$f" ] && [ -w "$f" ] && echo "E beside" || echo "E denied"; exit 0; }; set +C`,
    `trap "rm -f -- \\"\\$t\\"" EXIT; trap "exit 1" HUP INT TERM PIPE`,
    `echo K`,
    `{ ${take}; } > "$t" || { echo "E write"; exit 0; }`,
    `IFS= read -r want || exit 1`,
    `n=$(wc -c < "$t"); [ "$((n))" -eq ${size} ] || { echo "E size $((n))"; exit 0; }`,
    `have=$({ ${HASH_STDIN}; } < "$t"); have=\${have%% *}; [ -z "$have" ] || [ "$have" = "$want" ] || { echo "E hash $have"; exit 0; }`,
    // Some file systems allow only one mode.
    ...(options.keepsAttributes ? [KEEP_ATTRIBUTES] : [
      `[ -z "$o" ] || chown "$o" "$t" 2>/dev/null`,
      `a=600; chmod "$m" "$t" 2>/dev/null && a=$m; a=$(stat -c %a "$t" 2>/dev/null || echo $a)`,
    ]),
    ...(mode === undefined
      ? []
      : [`[ "$((0$a))" -eq "$((0$m))" ] || { echo "E mode $a $m"; exit 0; }`]),
    ...(options.undoName === undefined ? [] : keepOld(options.undoName)),
    ...(expectSha256 === undefined ? [] : [
      `same || { [ -n "$h" ] && echo "E changed" || echo "E tool sha256sum"; exit 0; }`,
    ]),
    overwrite
      ? `mv -f "$t" "$f" || { grep -qF " $f " /proc/self/mountinfo 2>/dev/null && echo "E mount" || echo "E name"; exit 0; }`
      : `ln "$t" "$f" 2>/dev/null || { [ -e "$f" ] && echo "E exists" || echo "E name"; exit 0; }`,
    ...(options.undoName === undefined ? [] : [KEEP_OR_UNDO]),
    `echo "D \${have:--} $m $a${options.keepsAttributes ? " $w$l" : ""}"`,
  ].join("; ");
}

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
  `l=; g=; facts() { set -- $(stat -c "%u:%g %a" "$t" 2>/dev/null); u=$1; a=\${2:-600}; }`,
  `if [ "$w" -eq 0 ]; then [ "$k" -eq 1 ] || l="$l links"; ` +
  `if cp --attributes-only --preserve=all -- "$f" "$t" 2>/dev/null; then g=1; touch "$t"; ` +
  `elif command -v setfacl >/dev/null 2>&1; then getfacl -p -- "$f" 2>/dev/null | setfacl --set-file=- -- "$t" 2>/dev/null; fi; fi`,
  `facts; c=; [ -z "$o" ] || [ "$o" = "$u" ] || { c=1; chown "$o" "$t" 2>/dev/null; }`,
  // A change of the owner may have removed bits of the mode.
  `[ "$c$a" = "$m" ] || { chmod "$m" "$t" 2>/dev/null; facts; [ -n "$u" ] || a=$m; }`,
  `if [ "$w" -eq 0 ]; then [ "$o" = "$u" ] || l="$l owner"; ` +
  `[ -n "$g" ] || case $(ls -ld "$f" 2>/dev/null) in ??????????+*) case $(ls -ld "$t" 2>/dev/null) in ??????????+*) ;; *) l="$l acl";; esac;; esac; fi`,
].join("; ");

/** Gives the replaced file a second name, and has it put back however the script ends. */
const keepOld = (name: string): string[] => [
  assign("b", name),
  `b=$d/$b; r=`,
  // Programs that it starts ignore the signals too.
  `undo() { trap "" HUP INT TERM PIPE; [ -n "$b" ] && [ -e "$b" ] || return 0; h=$({ ${HASH_STDIN}; } < "$f" 2>/dev/null); ` +
  `if [ -z "$have" ] || [ "\${h%% *}" = "$want" ]; then mv -f "$b" "$f" && r=U; else rm -f "$b"; r="E moved"; fi; b=; }`,
  `trap "undo; rm -f -- \\"\\$t\\"" EXIT`,
  `ln "$f" "$b" 2>/dev/null || cp -p "$f" "$b" 2>/dev/null || { b=; echo "E undo"; exit 0; }`,
];

const KEEP_OR_UNDO = `echo P; IFS= read -r q; ` +
  `if [ "$q" = keep ]; then trap "" HUP INT TERM PIPE; rm -f "$b"; b=; else undo; echo "$r"; exit 0; fi`;

/** Prints a directory as a tar stream. */
export const tarScript = (path: string): string =>
  [
    EXTEND_PATH,
    need("tar"),
    assign("f", path),
    MUST_EXIST,
    `[ -d "$f" ] || { echo "E special"; exit 0; }`,
    `echo "S 0 0 0"`,
    `cd "$f" && tar -cf - .`,
  ].join("; ");

/** Prints one line for each entry below a directory: mode in hexadecimal, size, mtime, path. */
export const listScript = (path: string): string =>
  [
    EXTEND_PATH,
    need("find", "stat"),
    assign("f", path),
    MUST_EXIST,
    `[ -d "$f" ] || { echo "E special"; exit 0; }`,
    `echo "S 0 0 0"`,
    `cd "$f" && find . ! -name . -exec stat -c "%f %s %Y %n" {} +`,
  ].join("; ");

/** Ends the script with `E tool NAME` if one of the programs is missing. */
export function need(...programs: readonly string[]): string {
  const check = 'command -v "$p" >/dev/null 2>&1 || { echo "E tool $p"; exit 0; }';
  return `for p in ${programs.join(" ")}; do ${check}; done`;
}

/** Ends a script with `E missing` unless `$f` exists. */
export const MUST_EXIST = `[ -e "$f" ] || { echo "E missing"; exit 0; }`;
/** Ends a script with `E directory` or `E special` unless `$f` is a regular file. */
export const MUST_BE_FILE =
  `[ ! -d "$f" ] || { echo "E directory"; exit 0; }; [ -f "$f" ] || { echo "E special"; exit 0; }`;
const FACTS = `command -v stat >/dev/null 2>&1 || ${
  need("wc")
}; facts=$(stat -L -c "%s %f %Y" "$f" 2>/dev/null) || facts="$(($(wc -c < "$f"))) 81a4 0"`;

/** Assigns any text to a variable, encoded in ASCII; a final newline is kept. */
export function assign(name: string, text: string): string {
  const encoded = asciiText(text);
  if (encoded === text) return `${name}='${text}'`;
  return `${name}=$(printf %bx '${encoded}'); ${name}=\${${name}%x}`;
}

/**
 * A shell command that prints the sha256 of its stdin (lower-case hex, first word) with whichever tool
 * the host has, or nothing. It reads stdin because `sha256sum` escapes unusual file names.
 */
export const HASH_STDIN = "if command -v sha256sum >/dev/null 2>&1; then sha256sum; " +
  "elif command -v shasum >/dev/null 2>&1; then shasum -a 256; " +
  "elif command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r; fi";

/** From this size on openssl is faster: it uses the CPU's SHA instructions (about 4 × coreutils). */
const LARGE_BYTES = 8 * 1024 * 1024;
/** The same for large contents. */
export const FAST_STDIN =
  `if command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r; else ${HASH_STDIN}; fi`;

/** Returns a command line, for any login shell, that hashes the first `size` bytes of a file. */
export function hashCommand(path: string, size: number): string {
  const tool = size < LARGE_BYTES ? HASH_STDIN : FAST_STDIN;
  // Opened first: if the shell does not see the file that SFTP sees, there must be no hash of nothing.
  const opened = 'exec < "$1" || exit';
  // `head` limits the hash to what was transferred, because a log file may have grown since. Where it
  // fails, on a bad disk, the tool hashes what came before.
  const read = `{ head -c ${size} || echo "${NOT_READ}" >&3; }`;
  const script = `${PRINT_START_MARK}; ${opened}; exec 3>&1; ${read} | { ${tool}; }`;
  return loginLine(script, operand(path));
}

/** Printed before or after the hash of a file that could not be read completely. */
const NOT_READ = "not read";

/** Returns the first word of the hash command's output if it is the sha256 of the complete file. */
export function parseHash(stdout: string): string | undefined {
  if (stdout.includes(NOT_READ)) return undefined;
  return /^\\?([0-9a-f]{64})\b/.exec(stdout.trim())?.[1];
}

/** Returns the path in a form that no shell or program mistakes for an option or special device. */
const operand = (path: string): string => path.startsWith("/") ? path : `./${path}`;
