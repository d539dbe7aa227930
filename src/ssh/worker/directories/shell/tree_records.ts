import type { CommandStream } from "../../commands/command_stream.ts";
import { fileKind } from "../../files/sftp/sftp.ts";
import { directoryProtocol } from "../../../directories/errors.ts";
import { linkProblem, type TreeItem } from "../tree_item.ts";

/** Every path in the conversation with `treeScript` begins with this, and has it nowhere else. */
export const PREFIX = ".//";
const END = "//E";
/** Two paths of 4,096 bytes, each of which may be escaped, are shorter. */
const MAX_RECORD_LENGTH = 65_536;

/** Reads the answers of `treeScript`. A name may contain newlines, so a record may have several lines. */
export class TreeRecords {
  readonly #stream: Pick<CommandStream, "readLine">;
  readonly #onMove: () => void;
  #ahead: string | undefined;

  constructor(stream: Pick<CommandStream, "readLine">, onMove: () => void) {
    this.#stream = stream;
    this.#onMove = onMove;
  }

  /**
   * Returns the next record, or undefined at the end of the answer.
   *
   * @throws EndedEarly
   * @throws RemoteExecError `io_error` for a record that no path can fill
   */
  async next(): Promise<string | undefined> {
    let record = this.#ahead ?? await this.#line();
    this.#ahead = undefined;
    if (record === END) return undefined;
    for (;;) {
      const line = await this.#line(record);
      if (START.test(line)) {
        this.#ahead = line;
        return record;
      }
      record += `\n${line}`;
      if (record.length > MAX_RECORD_LENGTH) throw directoryProtocol("a record without end");
    }
  }

  async #line(before = ""): Promise<string> {
    const line = await this.#stream.readLine();
    if (line === undefined) throw new EndedEarly(before);
    this.#onMove();
    return line;
  }
}

/** The output ended within an answer. */
export class EndedEarly extends Error {
  override readonly name = "EndedEarly";
  /** The record before the end. */
  readonly record: string;

  constructor(record: string) {
    super();
    this.record = record;
  }
}

/** A record, or the hash of a file as a hash tool prints it. */
const START = /^\/\/|^\\?[0-9a-f]{64} [ *]\.\/\//;

/** Returns the entry with these attributes. @param attributes `mode` with the bits of the type */
export function remoteItem(
  path: string,
  { mode, size, mtime, uid, gid }: Pick<TreeItem, "mode" | "size" | "mtime" | "uid" | "gid">,
): TreeItem {
  const type = fileKind(mode);
  const kind = type === "symlink" ? "link" : type;
  return { path, kind, size: kind === "file" ? size : 0, mtime, mode: mode & 0o7777, uid, gid };
}

/** Parses an entry of the list; undefined for other records. */
export function parseItem(record: string): TreeItem | undefined {
  const [, hex = "", size = "", mtime = "", uid = "", gid = "", path] =
    /^\/\/([0-9a-f]+) (\d+) (-?\d+) (\d+) (\d+) \.\/\/([^]*)$/.exec(record) ?? [];
  if (path === undefined || !isPath(path)) return undefined;
  const item = remoteItem(path, {
    mode: Number.parseInt(hex, 16),
    size: Number(size),
    mtime: Number(mtime),
    uid: Number(uid),
    gid: Number(gid),
  });
  // What is not UTF-8 was replaced by U+FFFD, so the path names another file.
  return path.includes("\ufffd") ? { ...item, problem: "name is not UTF-8" } : item;
}

/** Parses `//L TARGET .//PATH`; undefined for other records. */
export function parseLink(record: string): { path: string; target: string } | undefined {
  const at = record.lastIndexOf(PREFIX);
  if (!record.startsWith("//L") || at < 3) return undefined;
  return { target: record.slice(3, at), path: record.slice(at + PREFIX.length) };
}

/** Returns the link with its target, and with the reason why it cannot be copied. */
export function withTarget(item: TreeItem, target: string): TreeItem {
  const problem = item.problem ?? linkProblem(item.path, target);
  return { ...item, target, ...(problem === undefined ? {} : { problem }) };
}

/** Parses the line of a hash tool; undefined for other records. Some escape odd names and say so first. */
export function parseHashed(record: string): { path: string; sha256: string } | undefined {
  const [, escape, sha256 = "", path = ""] =
    /^(\\?)([0-9a-f]{64}) [ *]\.\/\/([^]*)$/.exec(record) ?? [];
  if (escape === undefined) return undefined;
  return { sha256, path: escape === "" ? path : path.replace(/\\([\\nr])/g, unescape) };
}

const unescape = (_: string, letter: string): string =>
  letter === "n" ? "\n" : letter === "r" ? "\r" : "\\";

/** Empty for the root; otherwise no component may lead elsewhere. */
const isPath = (path: string): boolean =>
  path === "" || path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
