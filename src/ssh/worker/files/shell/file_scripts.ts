import { loginLine, scriptWords } from "../../../../shell/login_line.ts";
import { asciiText } from "../../../../shell/quote.ts";
import { EXTEND_PATH } from "../../../../shell/search_path.ts";
import { PRINT_START_MARK } from "../../../../shell/start_mark.ts";

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
 * The first line of output is `E KIND` for an error, or `S SIZE MODE MTIME DEVICE:INODE` (mode in
 * hexadecimal; the last one is missing if the host has no `stat`).
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
 * Prints `S …`, then the content from `start` to `end`. If the range is the complete file, `H SHA256` and
 * `I DEVICE:INODE` follow. All is read from the file that the script has opened once; where there is no `/proc`,
 * the path is opened for each, and device and inode show whether another file was there by then. A file whose
 * size is 0 (as in /proc) or wrong (as in /sys) is read to its end, at most `maxBytes` + 1 bytes, and its `SIZE`
 * is 0.
 */
export function readScript(
  path: string,
  maxBytes: number,
  start: number,
  end: number | undefined,
): string {
  const whole = start === 0 && end === undefined;
  const length = end === undefined ? "$((n - " + start + "))" : String(end - start);
  const content = whole
    ? `head -c "$n" < "$q"`
    : `tail -c +${start + 1} < "$q" | head -c ${length}`;
  return [
    EXTEND_PATH,
    assign("f", path),
    MUST_EXIST,
    MUST_BE_FILE,
    need("head", whole ? "wc" : "tail"),
    `[ -r "$f" ] && { command exec 3< "$f"; } 2>/dev/null || { echo "E denied"; exit 0; }`,
    `q=/proc/self/fd/3; [ -e "$q" ] || q=$f`,
    // Some shells close the descriptor for the programs that they start.
    factsOf('"$q"', OPENED, '-L "$f"'),
    `n=\${facts%% *}`,
    `[ "$n" -le ${maxBytes} ] || { echo "E large $n"; exit 0; }`,
    // Files of /sys report one page and have less: their size counts as unknown.
    ...(whole
      ? [
        `if [ "$n" -le ${MAX_WRONG_SIZE} ] && [ "$(head -c "$n" < "$q" | wc -c)" -lt "$n" ]; then n=0; facts="0 \${facts#* }"; fi`,
      ]
      : []),
    `echo "S $facts"`,
    `if [ "$n" -eq 0 ]; then head -c ${maxBytes + 1} < "$q"; exit; fi`,
    content,
    ...(whole
      ? [`echo "H $(head -c "$n" < "$q" | { ${HASH_STDIN}; })"; echo "I $(${IDENTITY})"`]
      : []),
  ].join("; ");
}

/** Max size of files whose reported size may be wrong. */
const MAX_WRONG_SIZE = 65_536;

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

/**
 * A shell command that prints facts about a file, or nothing.
 *
 * @param gnu the format for `stat -c` of GNU and busybox
 * @param bsd the same for `stat -f` of BSD and macOS
 * @param operand the path in quotes, with `-L` before it to follow links
 */
export const stat = (gnu: string, bsd: string, operand: string): string =>
  `{ stat -c "${gnu}" ${operand} || stat -f "${bsd}" ${operand}; } 2>/dev/null`;

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
/** An operand of `stat` for the file that was opened. */
const OPENED = '-L "$q" 3<&3';
const IDENTITY = stat("%d:%i", "%d:%i", OPENED);

/** Sets `$facts` from the first operand that `stat` knows; without `stat`, the size of the file. */
const factsOf = (file: string, ...operands: readonly string[]): string =>
  `command -v stat >/dev/null 2>&1 || ${need("wc")}; ${
    operands.map((operand) => `facts=$(${stat("%s %f %Y %d:%i", "%z %Xp %m %d:%i", operand)})`)
      .join(" || ")
  } || { n=$(wc -c < ${file}) && facts="$((n)) 81a4 0"; } 2>/dev/null || { echo "E missing"; exit 0; }`;
const FACTS = factsOf('"$f"', '-L "$f"');

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
