import { posix } from "node:path";
import { pooledMap } from "../../../async/pooled_map.ts";
import { errorText, oneLine, RemoteExecError } from "../../../errors.ts";
import type { Endpoint } from "../../endpoint.ts";
import { notADirectory } from "../../directories/errors.ts";
import { remoteFileError } from "../../errors.ts";
import type { CopyOutcome, CopyRequest } from "../../port.ts";
import type { HostAccess } from "../files/host_files.ts";
import { isMissing, lstatPath, replace, statPath } from "../files/sftp/limited_sftp.ts";
import { fileKind } from "../files/sftp/sftp.ts";
import { sha256, type Source } from "../files/source_sink.ts";
import { temporaryName } from "../files/temporary_files.ts";
import type { LocalReader } from "./local/local_reader.ts";
import type { DownloadWork, RemoteSide, UploadWork } from "./remote_side.ts";
import { NOT_TOUCHED } from "./tally.ts";
import { COPIED_BITS, parentOf, type Tree, type TreeItem } from "./tree_item.ts";
import { remoteItem, withTarget } from "./shell/tree_records.ts";

/** What {@linkcode SftpRemote} needs from the host. */
export interface SftpContext {
  access(): Promise<HostAccess>;
  read(from: Endpoint): Promise<Source>;
  /** Writes a file that gets its name only after verification. */
  write(source: Source, request: Omit<CopyRequest, "from">): Promise<CopyOutcome>;
}

/** Files at a time: each takes several round trips. */
const AT_ONCE = 16;
const MAX_NAMES = 1_000_000;

/**
 * A directory on a host that runs no script, file by file over SFTP. Without a hash tool on the host, a
 * file of equal size and time is read to learn whether it is equal.
 */
export class SftpRemote implements RemoteSide {
  readonly #context: SftpContext;
  readonly #access: HostAccess;
  readonly #root: string;
  readonly #onMove: () => void;
  #found: ReadonlyMap<string, TreeItem> = new Map();
  #isTouched = true;

  private constructor(
    context: SftpContext,
    access: HostAccess,
    root: string,
    onMove: () => void,
  ) {
    this.#context = context;
    this.#access = access;
    this.#root = root;
    this.#onMove = onMove;
  }

  /** @param path as SFTP takes it */
  static async open(context: SftpContext, path: string, onMove: () => void): Promise<SftpRemote> {
    const access = await context.access();
    const root = await access.sftp.realPath(path).catch(() => path);
    return new SftpRemote(context, access, root, onMove);
  }

  async list(take: (item: TreeItem) => boolean): Promise<Tree> {
    const { sftp } = this.#access;
    const top = await statPath(sftp, this.#root).catch((error) => {
      if (isMissing(error)) return undefined;
      throw remoteFileError("list", this.#root, error);
    });
    const items = new Map<string, TreeItem>();
    if (top === undefined) return { root: undefined, items };
    const root = remoteItem("", top);
    if (root.kind !== "directory") throw notADirectory("Remote", this.#root);
    for (let level = [""]; level.length > 0;) {
      const listed = await pooledMap(level, AT_ONCE, (directory) => this.#names(directory));
      for (const [index, path] of level.entries()) {
        const directory = items.get(path);
        if (listed[index] !== undefined || directory === undefined) continue;
        items.set(path, { ...directory, problem: "cannot be read" });
      }
      const taken = listed.flatMap((names) => names ?? []).filter((item) => take(item));
      level = taken.filter(({ kind }) => kind === "directory").map(({ path }) => path);
      for (const item of taken) items.set(item.path, item);
    }
    this.#found = items;
    return { root, items };
  }

  async hashes(items: readonly TreeItem[], found: Tree): Promise<ReadonlyMap<string, string>> {
    const same = items.filter(({ path, mtime }) => found.items.get(path)?.mtime === mtime);
    const hashes = await pooledMap(same, AT_ONCE, ({ path }) =>
      this.#hash(path).catch((error) => {
        // Sending it says why it cannot be read.
        if (error instanceof RemoteExecError && error.code === "not_permitted") return "";
        throw error;
      }));
    return new Map(same.map(({ path }, index) => [path, hashes[index] ?? ""]));
  }

  async upload({ reader, plan, root, overwrite, deletes, tally }: UploadWork): Promise<void> {
    const { sftp } = this.#access;
    await this.#makeRoot();
    for (const { path } of plan.make) {
      await sftp.makeDirectory(this.#place(path)).catch((error) =>
        tally.fail(path, reasonOf(error))
      );
    }
    await pooledMap(plan.send, AT_ONCE, async (item) => {
      const reason = await this.#send(item, reader, overwrite).then(() => undefined, reasonOf);
      tally.passed();
      tally.moved(item.size);
      if (reason === undefined) tally.arrived(item.size);
      else tally.fail(item.path, reason);
    });
    await pooledMap(deletes ? plan.remove : [], AT_ONCE, async (path) => {
      const reason = await sftp.remove(this.#place(path)).then(() => undefined, reasonOf);
      if (reason === undefined) tally.deleted++;
      else tally.fail(path, reason);
    });
    for (const path of deletes ? plan.removeDirectories : []) {
      await sftp.removeDirectory(this.#place(path)).catch(() => {}); // it is not empty
    }
    await pooledMap(plan.touch.filter(({ kind }) => kind === "file"), AT_ONCE, this.#touch);
    for (const item of [...plan.directories].reverse()) await this.#touch(item);
    await this.#touch(root);
    if (!this.#isTouched) tally.warn(NOT_TOUCHED);
  }

  async download({ target, plan, overwrite, tally }: DownloadWork): Promise<void> {
    const files = plan.send.filter(({ kind }) => kind === "file");
    await pooledMap(files, AT_ONCE, async (item) => {
      const reason = await this.#fetch(item, (content, hash) => {
        return target.write(item, content, hash, overwrite);
      }).catch(reasonOf);
      tally.passed();
      tally.moved(item.size);
      if (reason === undefined) tally.arrived(item.size);
      else tally.fail(item.path, reason);
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #place(path: string): string {
    return posix.join(this.#root, path);
  }

  /** Resolves to undefined if a directory below the top may not be read. */
  async #names(directory: string): Promise<TreeItem[] | undefined> {
    const { sftp } = this.#access;
    const place = this.#place(directory);
    const names = await sftp.list(place, MAX_NAMES).catch((error) => {
      const seen = remoteFileError("list", place, error);
      if (directory === "" || seen.code !== "not_permitted") throw seen;
    });
    this.#onMove();
    if (names === undefined) return undefined;
    return await pooledMap(names, AT_ONCE, async ({ filename, attrs }): Promise<TreeItem> => {
      const item = remoteItem(posix.join(directory, filename), attrs);
      if (/^\.{0,2}$|[/\0]/.test(filename)) throw notADirectory("Remote", place);
      if (attrs.mode === 0) return { ...item, problem: "name is not UTF-8 or too long" };
      if (item.kind !== "link") return item;
      return withTarget(item, await sftp.readLink(this.#place(item.path)).catch(() => ""));
    });
  }

  async #makeRoot(): Promise<void> {
    const { sftp } = this.#access;
    let missing = "";
    for (const part of this.#root.split("/").filter((part) => part !== "")) {
      missing += `/${part}`;
      if (await statPath(sftp, missing).then(() => true, () => false)) continue;
      const place = missing;
      await sftp.makeDirectory(place).catch((error) => {
        throw remoteFileError("create", place, error);
      });
    }
  }

  async #hash(path: string): Promise<string> {
    const hash = sha256();
    const source = await this.#context.read({ kind: "host", path: this.#place(path) });
    try {
      for await (const chunk of source.chunks()) {
        hash.update(chunk);
        this.#onMove();
      }
    } finally {
      await source.close();
    }
    return hash.digest("hex");
  }

  async #fetch(
    { path, size }: TreeItem,
    write: (
      content: AsyncIterable<Uint8Array>,
      hash: Promise<string | undefined> | undefined,
    ) => Promise<string | undefined>,
  ): Promise<string | undefined> {
    const source = await this.#context.read({ kind: "host", path: this.#place(path) });
    const hash = source.remoteSha256?.(size);
    hash?.catch(() => {}); // reported by the writer
    try {
      return await write(this.#moving(source.chunks()), hash);
    } finally {
      await source.close();
    }
  }

  async *#moving(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.#onMove();
      yield chunk;
    }
  }

  async #send(item: TreeItem, reader: LocalReader, overwrite: boolean): Promise<void> {
    const { path, mode } = item;
    const place = this.#place(path);
    const parent = this.#found.get(parentOf(path));
    if (parent !== undefined && parent.kind !== "directory") {
      throw notADirectory("Remote", parent.path);
    }
    if (item.kind === "link") return await this.#link(item.target ?? "", place, overwrite);
    // A file is never written through a link.
    const isLink = this.#found.get(path)?.kind === "link";
    const written = isLink ? this.#beside(place) : place;
    for await (const content of reader.contents([item])) {
      const source: Source = {
        size: item.size,
        path,
        chunks: () => this.#unchanged(content.chunks(), content.result),
        close: () => Promise.resolve(),
      };
      const to = { kind: "host", path: written } as const;
      const maxBytes = Number.MAX_SAFE_INTEGER;
      await this.#context.write(source, { to, maxBytes, overwrite, mode: mode & COPIED_BITS });
    }
    if (isLink) await this.#rename(written, place);
    await this.#touch(item);
  }

  async *#unchanged(
    chunks: AsyncIterable<Uint8Array>,
    result: { readonly problem?: string },
  ): AsyncGenerator<Uint8Array> {
    yield* this.#moving(chunks);
    if (result.problem !== undefined) {
      throw new RemoteExecError("changed", result.problem, "Try again");
    }
  }

  async #link(target: string, place: string, overwrite: boolean): Promise<void> {
    const { sftp } = this.#access;
    if (!overwrite) return await sftp.symlink(target, place);
    const temporary = this.#beside(place);
    await sftp.symlink(target, temporary);
    await this.#rename(temporary, place);
  }

  /** Returns a temporary name that the guard removes if the connection ends. */
  #beside(place: string): string {
    const temporary = posix.join(posix.dirname(place), temporaryName(posix.basename(place)));
    this.#access.keep(temporary);
    return temporary;
  }

  async #rename(temporary: string, place: string): Promise<void> {
    await replace(this.#access.sftp, temporary, place);
    this.#access.drop(temporary);
  }

  readonly #touch = async ({ path, mode, mtime }: TreeItem): Promise<void> => {
    const { sftp } = this.#access;
    const place = this.#place(path);
    const found = await lstatPath(sftp, place).catch(() => undefined);
    if (found === undefined || fileKind(found.mode) === "symlink") return;
    await sftp.setstat(place, { mode, atime: mtime, mtime }).catch(() => {
      this.#isTouched = false; // some hosts refuse it
    });
  };
}

const reasonOf = (error: unknown): string => oneLine(errorText(error));
