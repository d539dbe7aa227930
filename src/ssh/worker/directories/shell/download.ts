import { slices } from "../../../../async/slices.ts";
import { CHUNK_BYTES } from "../../../../bytes/byte_reader.ts";
import { type TarMember, tarMembers } from "../../../../archive/tar_reader.ts";
import { oneLine, printable, RemoteExecError } from "../../../../errors.ts";
import { batchesOf } from "./batches.ts";
import type { DownloadWork } from "../remote_side.ts";
import { receiveSent, whole } from "./sent_files.ts";
import type { TreeItem } from "../tree_item.ts";
import { type HashTool, TAR_STOP } from "./tree_script.ts";
import { hashesOf, pathList, type TreeSession } from "./tree_session.ts";

interface ShellDownload extends DownloadWork {
  readonly session: TreeSession;
  readonly tool: HashTool;
}

/** Files up to this size are held in memory. */
const SMALL_BYTES = CHUNK_BYTES;
/** Content that a file has grown by since the list is skipped, at most so much of it. */
const MAX_GROWTH = 100_000_000;
/** Members other than the requested ones: files that became directories meanwhile, with their content. */
const MAX_OTHERS = 100;

/**
 * Receives the files of a plan: those that the host has sent with the list, then the others in batches. The
 * host hashes one batch while it sends the one before.
 */
export async function download(work: ShellDownload): Promise<void> {
  const { session, plan, tool } = work;
  const files = plan.send.filter(({ kind }) => kind === "file");
  const batches = batchesOf(await receiveSent(session, work, files));
  let hashes = session.hashes((batches[0] ?? []).map(({ path }) => path), tool);
  hashes.catch(() => {}); // reported below
  let finishing = Promise.resolve();
  for (const [index, items] of batches.entries()) {
    const batch = new Batch(work, items);
    // Requested before the one before has arrived, so that the host never waits.
    hashes = batch.receive(batches[index + 1] ?? [], hashes);
    hashes.catch(() => {});
    await finishing;
    finishing = hashes.then(() => batch.finish());
    finishing.catch(() => {});
  }
  await finishing;
}

/** Files that are requested together. */
class Batch {
  readonly #work: ShellDownload;
  readonly #wanted: Map<string, TreeItem>;
  readonly #reasons = new Map<string, string>();
  readonly #arrived = new Set<string>();
  readonly #hardLinks: TreeItem[] = [];
  #others = 0;

  constructor(work: ShellDownload, items: readonly TreeItem[]) {
    this.#work = work;
    this.#wanted = new Map(items.map((item) => [item.path, item]));
  }

  /** Receives the files and returns the hashes of the next ones. @param known hashes of the files */
  async receive(
    next: readonly TreeItem[],
    known: Promise<Map<string, string>>,
  ): Promise<Map<string, string>> {
    return await this.#request([...this.#wanted.keys()], next, known, false);
  }

  /** A file of several names is in an archive only once, so the others are requested one by one. */
  async #receiveHardLinks(): Promise<void> {
    const items = this.#hardLinks.splice(0);
    if (items.length === 0) return;
    const paths = items.map(({ path }) => path);
    for (const item of items) this.#wanted.set(item.path, item);
    const { session, tool } = this.#work;
    await this.#request(paths, [], session.hashes(paths, tool), true);
  }

  /** Requests what is missing, and reports what did not arrive. */
  async finish(): Promise<void> {
    await this.#receiveHardLinks();
    // Requested alone, each of them is a file.
    for (const { path } of this.#hardLinks) this.#reasons.set(path, CHANGED);
    const { tally, session } = this.#work;
    for (const path of this.#wanted.keys()) {
      const said = oneLine(session.stderr.split("\n").at(-1) ?? "");
      this.#reasons.set(path, said === "" ? "not sent by the host" : `not sent: ${said}`);
    }
    for (const [path, reason] of this.#reasons) tally.fail(path, reason);
  }

  async #request(
    paths: readonly string[],
    next: readonly TreeItem[],
    known: Promise<Map<string, string>>,
    isEach: boolean,
  ): Promise<Map<string, string>> {
    const { session, tool } = this.#work;
    const ahead = pathList(next.map(({ path }) => path));
    const list = pathList(paths);
    const flags = `-${isEach ? "1" : ""}${paths.some((path) => path.includes("\\")) ? "u" : ""}`;
    const line = `g ${ahead.length} ${list.length} ${tool} ${flags}`;
    return await session.exchange(line, [ahead, list], async () => {
      await this.#receiveMembers(await known);
      return hashesOf(await session.readRecords(next.length));
    });
  }

  async #receiveMembers(hashes: ReadonlyMap<string, string>): Promise<void> {
    const { output } = this.#work.session;
    const maxEntries = this.#wanted.size + MAX_OTHERS;
    const endOfSlice = slices();
    for await (const member of tarMembers(output, { maxEntries, end: TAR_STOP })) {
      const item = this.#take(member);
      if (item === undefined) continue;
      await this.#write(item, member, hashes.get(item.path));
      await endOfSlice();
    }
  }

  /** Returns the requested file of a member; undefined if its content is not wanted. */
  #take({ path, kind, size }: TarMember): TreeItem | undefined {
    const item = this.#wanted.get(path);
    if (item === undefined) {
      // A directory that was a file before comes with everything below it.
      const isBelow = [...this.#reasons.keys()].some((above) => path.startsWith(`${above}/`));
      if (isBelow && ++this.#others <= MAX_OTHERS) return undefined;
      throw notRequested(path);
    }
    if (size > item.size + MAX_GROWTH) throw grownTooMuch(path, size);
    this.#wanted.delete(path);
    if (kind === "hard_link") this.#hardLinks.push(item);
    else if (kind !== "file" || size !== item.size) this.#reasons.set(path, CHANGED);
    else return item;
    return undefined;
  }

  async #write(item: TreeItem, member: TarMember, expected: string | undefined): Promise<void> {
    const { target, tally, overwrite } = this.#work;
    const content = this.#counted(member.content());
    const reason = expected === undefined
      ? "cannot be read on the host"
      : item.size > SMALL_BYTES
      ? await target.write(item, content, expected, overwrite)
      : await target.writeSmall(item, await whole(content, item.size), expected, overwrite);
    tally.passed();
    if (reason === undefined) tally.arrived(item.size);
    else this.#reasons.set(item.path, reason);
  }

  async *#counted(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of content) {
      this.#work.tally.moved(chunk.length);
      yield chunk;
    }
  }
}

const grownTooMuch = (path: string, size: number) =>
  new RemoteExecError(
    "changed",
    `A file grew to ${size} bytes while the directory was copied: ${printable(path)}`,
    "Exclude it, or try again when nothing writes to it",
  );

const CHANGED = "changed while it was read";

const notRequested = (path: string) =>
  new RemoteExecError(
    "io_error",
    `The host sent a file that was not requested: ${printable(path)}`,
    "Do not transfer this directory; inspect the host first",
  );
