import { valueWithin } from "../../../../async/deadline.ts";
import { EXTEND_PATH } from "../../../../shell/search_path.ts";
import { printable, RemoteExecError } from "../../../../errors.ts";
import { notADirectory } from "../../../errors.ts";
import type { ListedEntry, Listing, ListingRequest } from "../../../text/port.ts";
import { assign, MUST_EXIST, need } from "../shell/file_scripts.ts";
import { listFailed, type ShellEndpoint, shellFileError } from "../remote_file_errors.ts";
import { fileKind } from "../sftp/sftp.ts";
import { absolutePath, readReply, run, type Start } from "../shell/shell_files.ts";
import { EndMark } from "./end_mark.ts";
import { type Found, limited, MAX_LISTED } from "./listing.ts";
import { ownerName } from "./text_scripts.ts";

/** What the login's start-up files have started may keep the stream of messages open. */
const MESSAGES_MS = 5_000;
/** Bounds what a host may send. */
const MAX_BYTES = 64_000_000;

/** Lists a directory with one command. */
export async function shellListing(
  start: Start,
  end: ShellEndpoint,
  request: ListingRequest,
): Promise<Listing> {
  const mark = new EndMark();
  const script = `${listingScript(absolutePath(end), request)}; ${mark.print}`;
  const stream = await run(start, end, script);
  try {
    stream.endInput();
    const header = await readReply(stream, end);
    if (header === "E file") throw notADirectory(end.path);
    if (header !== "L") throw shellFileError(header, end, 0);
    const output = await mark.read(stream, end, MAX_BYTES);
    if (output === undefined) throw tooManyEntries(end);
    // Its messages may arrive after the mark.
    await valueWithin(stream.exitCode(), MESSAGES_MS);
    const found = parseListing(new TextDecoder().decode(output));
    const unreadable = [...stream.stderr.matchAll(UNREADABLE)].map(([, path = ""]) => path);
    if (found.entries.length === 0 && unreadable.includes(".")) {
      throw listFailed(end, stream.stderr);
    }
    return limited(found, request, unreadable.sort());
  } finally {
    await stream.close();
  }
}

/** What GNU's and busybox's find say about a directory, in the C locale. */
const UNREADABLE = /^find: '?(?:\.\/)?(.+?)'?: Permission denied$/gm;

/**
 * Prints `L` and then, for each entry, `MODE SIZE MTIME UID OWNER`, its path, and the target of a link, each
 * followed by NUL. GNU find prints that by itself; elsewhere a loop asks `stat` for each entry.
 */
export function listingScript(
  path: string,
  { depth, hidden }: Pick<ListingRequest, "depth" | "hidden">,
): string {
  const prune = hidden ? "" : ` -name ".*" -prune -o`;
  const find = `find . -mindepth 1 -maxdepth ${depth}${prune}`;
  const loop = `for p do s=$(stat -c "%f %s %Y %u %U" "$p" 2>/dev/null) || continue; l=; ` +
    `[ -L "$p" ] && l=$(readlink "$p"; echo x) && l=\${l%?x}; printf "%s\\0%s\\0%s\\0" "$s" "$p" "$l"; done`;
  return [
    EXTEND_PATH,
    `LC_ALL=C; export LC_ALL`,
    need("find", "stat"),
    assign("f", path),
    MUST_EXIST,
    `[ -d "$f" ] || { echo "E file"; exit 0; }`,
    `cd "$f" 2>/dev/null || { echo "E denied"; exit 0; }`,
    assign("loop", loop),
    `if find /dev/null -maxdepth 0 -printf "" 2>/dev/null; then echo L; ` +
    `${find} -printf "%#m:%y %s %T@ %U %u\\0%p\\0%l\\0"; ` +
    // The stat of BSD does not know -c.
    `elif ! stat -c %s / >/dev/null 2>&1; then echo "E tool stat"; ` +
    `else echo L; ${find} -exec sh -c "$loop" sh {} +; fi`,
  ].join("; ");
}

/** Parses the output behind `L`. What is not an entry is left out. */
export function parseListing(output: string): Found {
  const fields = output.split("\0");
  const entries: ListedEntry[] = [];
  let at = 0;
  for (; at + 2 < fields.length && entries.length < MAX_LISTED; at += 3) {
    const [facts = "", name = "", target = ""] = fields.slice(at, at + 3);
    const path = name.replace(/^\.\//, "");
    const [mode = "", size = "", mtime, uid, user] = facts.split(" ");
    const { kind, bits } = modeOf(mode);
    if (!/^\d+$/.test(size) || path === "" || Number.isNaN(bits)) continue;
    entries.push({
      path,
      kind,
      size: Number(size),
      mtimeMs: Math.floor(Number(mtime)) * 1000,
      mode: bits,
      owner: ownerName(user, uid) ?? "?",
      ...(kind === "link" && target !== "" ? { target } : {}),
    });
  }
  return { entries, isCut: at + 2 < fields.length };
}

const TYPES: Readonly<Record<string, ListedEntry["kind"]>> = {
  f: "file",
  d: "directory",
  l: "link",
};

/** Reads `0644:f` of GNU find, or the hexadecimal bits of `stat`. */
function modeOf(word: string): { kind: ListedEntry["kind"]; bits: number } {
  const [octal = "", type] = word.split(":");
  if (type !== undefined) {
    return { kind: TYPES[type] ?? "other", bits: Number.parseInt(octal, 8) & 0o7777 };
  }
  const bits = Number.parseInt(word, 16);
  const kind = fileKind(bits);
  return { kind: kind === "symlink" ? "link" : kind, bits: bits & 0o7777 };
}

const tooManyEntries = ({ path }: ShellEndpoint) =>
  new RemoteExecError(
    "too_large",
    `The list of ${printable(path)} has more than ${MAX_BYTES} bytes`,
    "Name a subdirectory, or use a smaller depth",
  );
