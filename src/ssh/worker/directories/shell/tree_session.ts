import { RemoteExecError } from "../../../../errors.ts";
import { valueWithin } from "../../../../async/deadline.ts";
import type { ByteReader } from "../../../../bytes/byte_reader.ts";
import { CommandStream } from "../../commands/command_stream.ts";
import type { StartedCommand } from "../../commands/started_command.ts";
import { connectionLost } from "../../../errors.ts";
import { directoryProtocol } from "../../../directories/errors.ts";
import { scriptLine } from "../../files/shell/file_scripts.ts";
import {
  EndedEarly,
  parseHashed,
  parseItem,
  parseLink,
  PREFIX,
  TreeRecords,
  withTarget,
} from "./tree_records.ts";
import { COPY, endedEarly, headError, notWritable } from "./tree_failures.ts";
import type { Tree, TreeItem } from "../tree_item.ts";
import { type HashTool, treeScript } from "./tree_script.ts";

/** A directory on the host, or behind a command such as `pct exec 101 --`. */
export interface TreePlace {
  /** Starts a command line on the host. */
  start(command: string): Promise<StartedCommand>;
  /** Empty for the host itself. */
  readonly prefix: string;
  readonly path: string;
  /** For messages. */
  readonly label: string;
  /** Name of the staging directory. */
  readonly stage: string;
  /** Whether the host may send all files with the list, unasked. */
  readonly sends: boolean;
  /** Called whenever bytes move. */
  onMove(): void;
}

const UNREADABLE = `//U${PREFIX}`;
/** Records of a list, with those that are left out. */
const MAX_LISTED = 5_000_000;
/** Records beyond the expected ones that an answer may have. */
const SPARE_RECORDS = 100;
/** Max time for the script to remove its staging directory. */
const CLOSE_MS = 10_000;
/** More output than this is not waited for. */
const MAX_DRAINED_BYTES = 8_000_000;
const encoder = new TextEncoder();

/** A conversation with the `treeScript` of one directory. Several questions may be open at a time. */
export class TreeSession {
  readonly #stream: CommandStream;
  readonly #place: TreePlace;
  readonly #records: TreeRecords;
  #ended: Promise<RemoteExecError> | undefined;
  #sending: Promise<unknown> = Promise.resolve();
  #reading: Promise<unknown> = Promise.resolve();
  #kept: readonly string[] = [];
  /** All files follow the list. */
  #filesFollow: boolean;
  #listed = 0;
  /** False if there is nothing at the path. */
  readonly exists: boolean;
  /** The host makes missing directories itself. */
  readonly hasPerl: boolean;
  /** Hash tools of the host, the fastest first. */
  readonly tools: readonly HashTool[];

  private constructor(stream: CommandStream, place: TreePlace, head: readonly string[]) {
    const [, exists, tools = "", sent] = head;
    this.#stream = stream;
    this.#filesFollow = place.sends && sent === "1";
    this.#place = place;
    this.#records = new TreeRecords(stream, () => place.onMove());
    this.exists = exists === "1";
    this.hasPerl = tools.includes("p");
    this.tools = Array.from(tools).filter((letter) => "osh".includes(letter)) as HashTool[];
  }

  /** Starts the script. Call {@linkcode list} next. @throws RemoteExecError `unsupported`, `not_permitted` */
  static async open(place: TreePlace): Promise<TreeSession> {
    const { prefix, path, stage, sends } = place;
    const script = treeScript({ path, stage, sends });
    const stream = new CommandStream(await place.start(scriptLine(prefix, script)));
    try {
      const head = (await stream.readLine())?.split(" ") ?? [];
      if (head[0] !== "S") throw await headError(stream, head, place);
      return new TreeSession(stream, place, head);
    } catch (error) {
      await stream.close();
      throw error;
    }
  }

  /** The stdout of the script, for the reader of {@linkcode exchange}. */
  get output(): ByteReader {
    return this.#stream.output;
  }

  /** How many records the list had. */
  get listed(): number {
    return this.#listed;
  }

  /** What the programs on the host complained about. */
  get stderr(): string {
    return this.#stream.stderr;
  }

  /** Reads the list that the script begins with. @param take called with each entry but the root */
  async list(take: (item: TreeItem) => boolean): Promise<Tree> {
    const items = new Map<string, TreeItem>();
    let root: TreeItem | undefined;
    let seen = 0;
    await this.#inTurn(async () => {
      for (let text; (text = await this.#next()) !== undefined;) {
        if (++seen > MAX_LISTED) throw directoryProtocol("a list without end");
        const link = parseLink(text);
        const item = link === undefined ? parseItem(text) : items.get(link.path);
        const unreadable = text.startsWith(UNREADABLE)
          ? items.get(text.slice(UNREADABLE.length))
          : undefined;
        if (unreadable !== undefined) {
          items.set(unreadable.path, { ...unreadable, problem: "cannot be read" });
        } else if (text.startsWith("//R")) this.#keep(text.slice(3));
        else if (item === undefined) continue;
        else if (item.path === "") root = item;
        else if (link !== undefined) items.set(item.path, withTarget(item, link.target));
        else if (take(item)) items.set(item.path, item);
      }
    });
    this.#listed = seen;
    if (this.exists && root === undefined) throw directoryProtocol(this.stderr || "an empty list");
    return { root, items };
  }

  /**
   * Receives the files that the host has sent behind the list, if it has. Call it before anything is asked.
   *
   * @param read reads the archive from {@linkcode output}
   * @returns the sha256 of the files by their paths
   */
  async receiveSent(read: () => Promise<void>): Promise<ReadonlyMap<string, string>> {
    if (!this.#filesFollow) return new Map();
    this.#filesFollow = false;
    return await this.#inTurn(async () => {
      await read();
      return hashesOf(await this.readRecords(this.#listed));
    });
  }

  /** Sends a line and a payload, and returns all records of the answer. @param expected their max number */
  async ask(line: string, payload: Payload = NOTHING, expected = 0): Promise<string[]> {
    return await this.exchange(line, payload, () => this.readRecords(expected));
  }

  /** Sends a line and a payload, and reads the answer up to its `//E` when its turn comes. */
  async exchange<T>(line: string, payload: Payload, read: () => Promise<T>): Promise<T> {
    // Both are queued at once, so that the order of answers is the order of questions.
    const sent = this.#send(line, payload);
    const answer = this.#inTurn(read);
    answer.catch(() => {}); // reported below
    await sent;
    return await answer;
  }

  /** Reads the records up to the next `//E`. @param expected their max number; a host may send them forever */
  async readRecords(expected: number): Promise<string[]> {
    const records: string[] = [];
    for (let text; (text = await this.#next()) !== undefined;) {
      if (records.length >= expected + SPARE_RECORDS) {
        throw directoryProtocol("more records than were asked for");
      }
      records.push(text);
    }
    return records;
  }

  /** Returns the sha256 of files by their paths. */
  async hashes(paths: readonly string[], tool: HashTool): Promise<Map<string, string>> {
    if (paths.length === 0) return new Map();
    const list = pathList(paths);
    return hashesOf(await this.ask(`h ${list.length} ${tool}`, [list], paths.length));
  }

  /** Ends the script, which removes what it staged. */
  async close(): Promise<void> {
    this.#stream.endInput();
    // The channel closes only after everything was read.
    await valueWithin(this.#drain(), CLOSE_MS);
    await this.#stream.close();
    for (const path of this.#kept) this.#stream.drop(path);
  }

  async #drain(): Promise<void> {
    await this.#reading;
    for (let left = MAX_DRAINED_BYTES; left > 0;) {
      const chunk = await this.output.read();
      if (chunk === undefined) return;
      left -= chunk.length;
    }
  }

  #keep(root: string): void {
    // Behind another command it would be a path of the host.
    if (this.#place.prefix !== "") return;
    const { stage } = this.#place;
    this.#kept = [`${root.replace(/[^/]*$/, "")}${stage}`, `${root.replace(/\/$/, "")}/${stage}`];
    for (const path of this.#kept) this.#stream.keep(path);
  }

  async #send(line: string, payload: Payload): Promise<void> {
    const sending = this.#sending.then(async () => {
      // If the script has ended early, the reader of the answer reports it.
      if (!await this.#stream.write(encoder.encode(`${line}\n`))) return;
      for await (const piece of payload) {
        if (piece.length > 0 && !await this.#stream.write(piece)) return;
        this.#place.onMove();
      }
    });
    this.#sending = sending.catch(() => {});
    await sending;
  }

  async #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const reading = this.#reading.then(read).catch((error) => {
      // The archive of a lost connection only looks broken.
      const isBroken = error instanceof RemoteExecError && error.code === "io_error";
      throw isBroken && !this.#stream.isConnected ? connectionLost(COPY) : error;
    });
    this.#reading = reading.catch(() => {});
    return await reading;
  }

  async #next(): Promise<string | undefined> {
    try {
      return await this.#records.next();
    } catch (error) {
      if (!(error instanceof EndedEarly)) throw error;
      // The first reader sees the reason; those of the commands behind it see only the end.
      throw await (this.#ended ??= error.record === "E denied"
        ? Promise.resolve(notWritable(this.#place, this.stderr))
        : endedEarly(this.#stream));
    }
  }
}

/** The bytes that follow a command line. */
export type Payload = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

const NOTHING: Payload = [];

/** Returns a list of paths as the script takes it. */
export const pathList = (paths: readonly string[]): Uint8Array<ArrayBuffer> =>
  encoder.encode(paths.map((path) => `${PREFIX}${path}\0`).join(""));

/** Returns the hashes among the records. */
export const hashesOf = (records: readonly string[]): Map<string, string> =>
  new Map(
    records.map(parseHashed).filter((found) => found !== undefined)
      .map(({ path, sha256 }) => [path, sha256]),
  );
