import { Buffer } from "node:buffer";
import { TAR_END, tarHeader, tarPadding } from "../../../../archive/tar_writer.ts";
import { gathered } from "../../../../bytes/gathered.ts";
import { oneLine } from "../../../../errors.ts";
import { sha256 } from "../../files/source_sink.ts";
import { batchesOf } from "./batches.ts";
import type { UploadWork } from "../remote_side.ts";
import { NOT_TOUCHED } from "../tally.ts";
import type { TreeItem } from "../tree_item.ts";
import { parseLink, PREFIX } from "./tree_records.ts";
import { type HashTool, separatorOf } from "./tree_script.ts";
import { hashesOf, pathList, type TreeSession } from "./tree_session.ts";

interface ShellUpload extends UploadWork {
  readonly session: TreeSession;
  readonly tool: HashTool;
}

/** Sends what the plan names, in batches; the host verifies one while it receives the next. */
export async function upload(work: ShellUpload): Promise<void> {
  const { session, plan, tally } = work;
  const made = session.hasPerl ? [] : plan.make.map(({ path }) => path);
  const making = session.ask(...withPaths("m", made));
  making.catch(() => {}); // the next question fails for the same reason
  const batches = batchesOf(plan.send).map((items, id) => new Batch(work, items, id));
  for (const [index, batch] of batches.entries()) {
    await batch.send();
    if (index > 0) await batches[index - 1]?.answered;
  }
  const finished = finish(work);
  finished.catch(() => {}); // reported below
  await making;
  for (const batch of batches) await batch.settle();
  const isPostponed = (await finished).some((answer) => answer[0] === "//S");
  const answers = isPostponed ? await finish(work) : await finished;
  if (answers.some((answer) => answer.includes("//W"))) tally.warn(NOT_TOUCHED);
  if (!work.deletes) return;
  const kept = new Set(failedPaths(answers[0] ?? []));
  for (const path of plan.remove) {
    if (kept.has(path)) tally.fail(path, "could not be deleted");
    else tally.deleted++;
  }
}

/** Removals first: they change the times of directories, which are set last. */
async function finish({ session, plan, root, deletes }: ShellUpload): Promise<string[][]> {
  const asked: Promise<string[]>[] = [];
  if (deletes) {
    asked.push(session.ask(...withPaths("x", plan.remove), plan.remove.length));
    asked.push(session.ask(...withPaths("y", plan.removeDirectories)));
  }
  for (const [mtime, items] of Map.groupBy(plan.touch, ({ mtime }) => mtime)) {
    const [links, files] = [isLink, (item: TreeItem) => !isLink(item)]
      .map((isWanted) => items.filter(isWanted).map(({ path }) => path));
    if (files?.length) asked.push(session.ask(...withPaths("u", files, mtime)));
    if (links?.length) asked.push(session.ask(...withPaths("u", links, mtime, "-h")));
  }
  for (const [mode, items] of Map.groupBy(plan.touch.filter((item) => !isLink(item)), copiedMode)) {
    const paths = items.map(({ path }) => path);
    asked.push(session.ask(...withPaths("c", paths, mode.toString(8))));
  }
  const headers = [root, ...plan.directories].map((item) =>
    tarHeader({ ...item, path: item.path || ".", kind: "directory", size: 0 })
  );
  const attributes = Buffer.concat([...headers, TAR_END]);
  asked.push(session.ask(`z ${attributes.length}`, [attributes]));
  asked.push(session.ask("q 0"));
  return await Promise.all(asked);
}

const isLink = ({ kind }: TreeItem): boolean => kind === "link";
const copiedMode = ({ mode }: TreeItem): number => mode & 0o777;

function withPaths(
  letter: string,
  paths: readonly string[],
  ...more: readonly (string | number)[]
): [string, Uint8Array[]] {
  const list = pathList(paths);
  return [[letter, list.length, ...more].join(" "), [list]];
}

/** Files and links that are sent, verified and named together. */
class Batch {
  readonly #work: ShellUpload;
  readonly #items: readonly TreeItem[];
  readonly #id: number;
  readonly #hashes = new Map<string, string>();
  readonly #problems = new Map<string, string>();
  /** Resolves with the answer. */
  answered: Promise<string[]> | undefined;

  constructor(work: ShellUpload, items: readonly TreeItem[], id: number) {
    this.#work = work;
    this.#items = items;
    this.#id = id;
  }

  /** Resolves when everything is sent. */
  async send(): Promise<void> {
    const { session, tool } = this.#work;
    const heads = this.#items.map((item) => tarHeader(entryOf(item)));
    const size = this.#items.reduce(
      (sum, item) => item.kind === "file" ? sum + item.size + tarPadding(item.size) : sum,
      heads.reduce((sum, head) => sum + head.length, TAR_END.length),
    );
    const sent = Promise.withResolvers<void>();
    const answered = session.ask(
      `t ${this.#id} ${size} ${tool}`,
      this.#payload(heads, sent.resolve),
      2 * this.#items.length,
    );
    this.answered = answered;
    answered.catch(() => {}); // reported by settle()
    await Promise.race([sent.promise, answered]);
  }

  /** Waits for the answer. If the host has stored something else, only what is right gets its name. */
  async settle(): Promise<void> {
    const { session, overwrite } = this.#work;
    const [verdict, ...records] = await this.answered ?? [];
    if (verdict?.endsWith(" 1")) return this.#count(records);
    const found = foundIn(records);
    const wrong: string[] = [];
    for (const { path, target = "" } of this.#items) {
      const wanted = this.#hashes.get(path) ?? target;
      const problem = this.#problems.get(path) ??
        (!found.has(path) ? this.#notStored() : undefined) ??
        (found.get(path) !== wanted ? "what the host stored differs from the source" : undefined);
      if (problem === undefined) continue;
      this.#problems.set(path, problem);
      if (found.has(path)) wrong.push(path);
    }
    const list = pathList(wrong);
    const [, ...left] = await session.ask(
      `r ${this.#id} ${list.length} ${moveFlag(overwrite)}`,
      [list],
      this.#items.length,
    );
    this.#count(left);
  }

  #count(records: readonly string[]): void {
    const { tally, overwrite } = this.#work;
    const left = new Set(failedPaths(records));
    for (const { path, size } of this.#items) {
      const reason = this.#problems.get(path) ??
        (left.has(path) ? overwrite ? this.#notStored() : "already exists" : undefined);
      if (reason === undefined) tally.arrived(size);
      else tally.fail(path, reason);
    }
  }

  #notStored(): string {
    const said = oneLine(this.#work.session.stderr.split("\n").at(-1) ?? "");
    return said === "" ? "not stored on the host" : `not stored on the host: ${said}`;
  }

  async *#payload(heads: readonly Uint8Array[], onSent: () => void): AsyncGenerator<Uint8Array> {
    yield* gathered(this.#archive(heads));
    const { tool, overwrite } = this.#work;
    const links = this.#items.filter(isLink).length;
    const lines = this.#expected(tool);
    // One program fewer, if it can compare. openssl cannot.
    const list = lines !== undefined && links === 0 && tool !== "o"
      ? Buffer.concat(lines)
      : undefined;
    const digest = list === undefined ? digestOf(lines) : `=${list.length}`;
    yield new TextEncoder().encode(`${digest} ${moveFlag(overwrite)} ${links}\n`);
    if (list !== undefined) yield list;
    onSent();
  }

  async *#archive(heads: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
    const { reader, tally } = this.#work;
    const contents = reader.contents(this.#items);
    for (const [index, item] of this.#items.entries()) {
      yield heads[index] ?? new Uint8Array();
      if (item.kind !== "file") continue;
      const { value: content } = await contents.next();
      if (content === undefined) return;
      for await (const chunk of content.chunks()) {
        yield chunk;
        tally.moved(chunk.length);
      }
      yield new Uint8Array(tarPadding(item.size));
      const { sha256, problem } = content.result;
      if (sha256 !== undefined) this.#hashes.set(item.path, sha256);
      if (problem !== undefined) this.#problems.set(item.path, problem);
      tally.passed();
    }
    yield TAR_END;
  }

  /**
   * Returns the lines that the host should print for what it has stored; undefined if there are files that
   * must not get their names, or names that hash tools write in different ways.
   */
  #expected(tool: HashTool): Uint8Array[] | undefined {
    if (this.#problems.size > 0) return undefined;
    const lines: Uint8Array[] = [];
    for (const { path, kind, target = "" } of this.#items) {
      if (/[\\\n\r]/.test(path + target)) return undefined;
      lines.push(Buffer.from(
        kind === "link"
          ? `//L${target}${PREFIX}${path}\n`
          : `${this.#hashes.get(path)}${separatorOf(tool)}${PREFIX}${path}\n`,
      ));
    }
    return lines;
  }
}

/** Returns the hash of the sorted lines. `-` matches nothing, so the host lists what it found. */
function digestOf(lines: Uint8Array[] | undefined): string {
  if (lines === undefined) return "-";
  const hash = sha256();
  for (const line of lines.sort(Buffer.compare)) hash.update(line);
  return hash.digest("hex");
}

/** Returns what the host stored: the hash of a file, or the target of a link, by path. */
const foundIn = (records: readonly string[]): Map<string, string> =>
  new Map([
    ...hashesOf(records),
    ...records.map(parseLink).filter((link) => link !== undefined)
      .map(({ path, target }) => [path, target] as const),
  ]);

const moveFlag = (overwrite: boolean): string => overwrite ? "-f" : "-n";

const entryOf = (item: TreeItem) => ({
  ...item,
  kind: item.kind === "link" ? "link" as const : "file" as const,
  size: item.kind === "file" ? item.size : 0,
});

const failedPaths = (records: readonly string[]): string[] =>
  records.filter((record) => record.startsWith(`//F${PREFIX}`))
    .map((record) => record.slice(3 + PREFIX.length));
