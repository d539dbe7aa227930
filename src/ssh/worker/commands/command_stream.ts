import { RemoteExecError } from "../../../errors.ts";
import { waitingClock } from "../../../async/clock.ts";
import { valueWithin } from "../../../async/deadline.ts";
import { every } from "../../../async/every.ts";
import { ByteReader } from "../../../bytes/byte_reader.ts";
import type { StartedCommand } from "./started_command.ts";
import { OutputCollector } from "../../output.ts";
import { StartMark } from "../../../shell/start_mark.ts";

const NEWLINE = 10;
/** Time between two looks whether the connection is lost, while nothing can be written. */
const LOOK_MS = 500;
const MAX_LINE_BYTES = 65_536;
/** A command that has written all its output normally exits within this time. */
const EXIT_MS = 300;

/**
 * A running command as a pair of byte streams whose first part is lines: the transport of file scripts.
 * What the login shell prints before the script's {@linkcode StartMark} is skipped.
 */
export class CommandStream {
  readonly #command: StartedCommand;
  readonly #output: ByteReader;
  readonly #stderr = new OutputCollector(2_000);
  readonly #exited: Promise<void>;
  readonly #ended: Promise<number | undefined>;
  #over = false;
  #isClosed = false;

  constructor(command: StartedCommand) {
    const { channel } = command;
    this.#command = command;
    channel.on("error", () => {}); // a write after the command's end; the reader notices the end
    channel.stderr.on("data", (chunk: Uint8Array) => this.#stderr.push(chunk));
    let code: number | undefined;
    const closed = new Promise<void>((resolve) =>
      channel.once("close", () => {
        this.#isClosed = true;
        resolve();
      })
    );
    const exitReported = command.exited.then((exit) => {
      code = exit.code ?? undefined;
    });
    this.#exited = Promise.race([exitReported, closed]);
    this.#ended = closed.then(() => code);
    const chunks: AsyncIterable<Uint8Array> = channel.iterator({ destroyOnReturn: false });
    this.#output = new ByteReader(ReadableStream.from(afterStartMark(chunks)));
  }

  /** The head and tail of what the command has written to stderr. */
  get stderr(): string {
    return this.#stderr.cut(2_000).text.trim();
  }

  /** True as long as the connection of the command is open. */
  get isConnected(): boolean {
    return this.#command.isConnected();
  }

  /** The command's stdout behind the start mark. */
  get output(): ByteReader {
    return this.#output;
  }

  /** Has the guard remove a file or directory if the connection ends before {@linkcode drop} is called for it. */
  keep(path: string): void {
    this.#command.keep(path);
  }

  /** Cancels `keep`. */
  drop(path: string): void {
    this.#command.drop(path);
  }

  /** Resolves at the command's end with its exit code; undefined after a signal or a lost connection. */
  exitCode(): Promise<number | undefined> {
    return this.#ended;
  }

  /** Returns the next line without its newline, or undefined at the end of output. */
  async readLine(): Promise<string | undefined> {
    const line = await this.#output.readUntil(NEWLINE, MAX_LINE_BYTES).catch((error) => {
      throw error instanceof RangeError ? malformed() : error;
    });
    return line && new TextDecoder().decode(line);
  }

  /** Returns the next bytes, at most `limit`, or undefined at the end of output. */
  async read(limit = Infinity): Promise<Uint8Array | undefined> {
    return await this.#output.read(limit);
  }

  /**
   * Writes to the command's stdin; waits while its buffer is full. Returns false if the command has
   * ended: the output says why, unless the connection was lost.
   */
  async write(chunk: Uint8Array): Promise<boolean> {
    const { channel } = this.#command;
    // A channel of a lost connection stays writable, and its buffer is never emptied.
    if (this.#isClosed || !channel.writable) return false;
    if (channel.write(chunk)) return true;
    await new Promise<void>((resolve) => {
      const done = () => {
        stopLooking();
        channel.off("drain", done);
        channel.off("close", done);
        resolve();
      };
      // The channel closes only when all its output is read, which is later.
      const stopLooking = every(waitingClock, LOOK_MS, () => {
        if (!this.#command.isConnected()) done();
      });
      channel.on("drain", done);
      channel.on("close", done);
    });
    return this.#command.isConnected();
  }

  /** Closes the command's stdin. */
  endInput(): void {
    this.#command.channel.end();
  }

  /** Stops the command if it still runs, and releases its session. May be called twice. */
  async close(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.endInput();
    if (this.#command.running()) await valueWithin(this.#exited, EXIT_MS);
    if (this.#command.running()) await this.#command.end();
    this.#command.release();
  }
}

async function* afterStartMark(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const mark = new StartMark();
  for await (const chunk of chunks) yield mark.after(chunk);
}

const malformed = () =>
  new RemoteExecError(
    "io_error",
    "The host sent an unexpected answer",
    "Check that the login shell prints nothing of its own",
  );
