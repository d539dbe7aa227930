import { Buffer } from "node:buffer";
import { RemoteExecError } from "../../../errors.ts";
import { valueWithin } from "../../../async/deadline.ts";
import type { StartedCommand } from "./started_command.ts";
import { connectionLost } from "../../errors.ts";
import { OutputCollector } from "../../output.ts";
import { StartMark } from "../../../shell/start_mark.ts";

const MAX_LINE_BYTES = 65_536;
/** A command that has written all its output normally exits within this time. */
const EXIT_MS = 300;

/**
 * A running command as a pair of byte streams whose first part is lines: the transport of file scripts.
 * What the login shell prints before the script's {@linkcode StartMark} is skipped.
 */
export class CommandStream {
  readonly #command: StartedCommand;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #stderr = new OutputCollector(2_000);
  readonly #exited: Promise<void>;
  readonly #ended: Promise<number | undefined>;
  readonly #mark = new StartMark();
  #rest: Uint8Array = new Uint8Array();
  #over = false;

  constructor(command: StartedCommand) {
    const { channel } = command;
    this.#command = command;
    channel.on("error", () => {}); // a write after the command's end; the reader notices the end
    channel.stderr.on("data", (chunk: Uint8Array) => this.#stderr.push(chunk));
    let code: number | undefined;
    const closed = new Promise<void>((resolve) => channel.once("close", () => resolve()));
    const exitReported = command.exited.then((exit) => {
      code = exit.code ?? undefined;
    });
    this.#exited = Promise.race([exitReported, closed]);
    this.#ended = closed.then(() => code);
    this.#chunks = channel.iterator({ destroyOnReturn: false });
  }

  /** The head and tail of what the command has written to stderr. */
  get stderr(): string {
    return this.#stderr.cut(2_000).text.trim();
  }

  /** Resolves at the command's end with its exit code; undefined after a signal or a lost connection. */
  exitCode(): Promise<number | undefined> {
    return this.#ended;
  }

  /** Returns the next line without its newline, or undefined at the end of output. */
  async readLine(): Promise<string | undefined> {
    let line = new Uint8Array();
    for (;;) {
      const chunk = await this.read();
      if (chunk === undefined) return undefined;
      const end = chunk.indexOf(10);
      line = Buffer.concat([line, end < 0 ? chunk : chunk.subarray(0, end)]);
      if (end >= 0) {
        this.#rest = chunk.subarray(end + 1);
        return new TextDecoder().decode(line);
      }
      if (line.length > MAX_LINE_BYTES) throw malformed();
    }
  }

  /** Returns the next bytes, at most `limit`, or undefined at the end of output. */
  async read(limit = Infinity): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#chunks.next();
      if (done) return undefined;
      this.#rest = this.#mark.after(value);
    }
    const chunk = this.#rest.subarray(0, limit);
    this.#rest = this.#rest.subarray(chunk.length);
    return chunk;
  }

  /** Writes to the command's stdin; waits while its buffer is full. */
  async write(chunk: Uint8Array): Promise<void> {
    const { channel } = this.#command;
    if (!channel.writable) throw connectionLost("a transfer");
    if (channel.write(chunk)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        channel.off("drain", done);
        channel.off("close", done);
        resolve();
      };
      channel.on("drain", done);
      channel.on("close", done);
    });
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

const malformed = () =>
  new RemoteExecError(
    "io_error",
    "The host sent an unexpected answer",
    "Check that the login shell prints nothing of its own",
  );
