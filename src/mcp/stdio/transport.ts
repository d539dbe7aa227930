import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/server";
import type { Logger } from "../../log.ts";
import { LineSplitter, type LongLine } from "./line_splitter.ts";
import { type LineOutput, LineWriter } from "./line_writer.ts";
import { OpenRequests } from "./open_requests.ts";
import { type ClientMessage, readMessages, refuseLongLine } from "./read_message.ts";

/** The reading half of a pipe. @returns how many bytes it put into the buffer; null at the end */
export interface LineInput {
  read(buffer: Uint8Array): Promise<number | null>;
}

/** Limits of a connection, in bytes. */
export interface StdioLimits {
  /** Of one message. */
  readonly message: number;
  /** Of answers that the client has not read; with more, its messages wait. */
  readonly unread: number;
  /** Of messages that wait; with more, the connection ends. */
  readonly waiting: number;
}

const MIB = 1_048_576;
const LIMITS: StdioLimits = { message: 10 * MIB, unread: 8 * MIB, waiting: 16 * MIB };
const READ_BYTES = 65_536;
/** Progress is dropped for a client that has more than this to read. */
const MAX_UNREAD_FOR_PROGRESS = MIB;
/** The answers to more lines would be in memory before the queue's size shows them. */
const LINES_AT_ONCE = 100;

/** Why a connection has ended. */
export type EndReason = "stdin ended" | "stdout closed" | "the client does not read its answers";

/**
 * MCP over stdin and stdout: one message per line. It accepts unusual messages and refuses what cannot be
 * meant, keeps its memory bounded, and notices the end of stdin while the client does not read.
 */
export class StdioTransport implements Transport {
  onmessage?: (message: JSONRPCMessage) => void;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  /** Resolves when no more messages come. Answers can still be sent. */
  readonly ended: Promise<EndReason>;
  readonly #end: (reason: EndReason) => void;
  readonly #input: LineInput;
  readonly #writer: LineWriter;
  readonly #logger: Logger;
  readonly #limits: StdioLimits;
  readonly #requests = new OpenRequests();
  readonly #reported = new Set<string>();
  readonly #idle: (() => void)[] = [];
  /** Lines that wait until the client has read some answers, or those before them are handled. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #handlingWaiting: Promise<void> | undefined;
  #linesOfRead = 0;
  #isLastLine = false;
  #isOver = false;

  constructor(input: LineInput, output: LineOutput, logger: Logger, limits: StdioLimits = LIMITS) {
    this.#input = input;
    this.#logger = logger;
    this.#limits = limits;
    const { promise, resolve } = Promise.withResolvers<EndReason>();
    this.ended = promise;
    this.#end = (reason) => {
      this.#isOver = true;
      resolve(reason);
    };
    this.#writer = new LineWriter(output, {
      onProgress: () => {
        this.#handleWaiting();
        this.#checkIdle();
      },
      onBroken: () => {
        this.#end("stdout closed");
        this.#checkIdle();
      },
    });
  }

  start(): Promise<void> {
    this.#readAll();
    return Promise.resolve();
  }

  /** Queues a message. Answers to requests that are not open any more are dropped. */
  send(message: JSONRPCMessage): Promise<void> {
    if ("method" in message) {
      const isProgress = message.method === "notifications/progress";
      if (!isProgress || this.#writer.pendingBytes <= MAX_UNREAD_FOR_PROGRESS) this.#write(message);
    } else if (message.id !== undefined) {
      const id = this.#requests.close(message.id);
      if (id !== undefined) this.#write({ ...message, id });
      this.#checkIdle();
    }
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#isOver = true;
    this.onclose?.();
    return Promise.resolve();
  }

  /** Resolves when every request is answered and the client has taken the answers. */
  idle(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle.push(resolve);
    this.#checkIdle();
    return promise;
  }

  async #readAll(): Promise<void> {
    const lines = new LineSplitter(this.#limits.message, (line) => this.#receive(line));
    const buffer = new Uint8Array(READ_BYTES);
    try {
      for (let count; !this.#isOver && (count = await this.#input.read(buffer)) !== null;) {
        this.#linesOfRead = 0;
        lines.push(buffer.subarray(0, count));
        if (this.#waiting.length > 0) await this.#handleWaiting();
      }
      this.#isLastLine = true;
      lines.end();
    } catch (error) {
      this.#logger.debug("stdin cannot be read", error);
    }
    this.#end("stdin ended");
  }

  #receive(line: Uint8Array | LongLine): void {
    if (this.#isOver) return;
    const isFull = this.#waiting.length > 0 || this.#linesOfRead++ >= LINES_AT_ONCE ||
      this.#writer.pendingBytes > this.#limits.unread;
    if (!isFull || !(line instanceof Uint8Array)) return this.#handle(line);
    this.#waiting.push(line.slice());
    this.#waitingBytes += line.length;
    if (this.#waitingBytes <= this.#limits.waiting) return;
    this.#logger.error("the client does not read its answers, the server exits");
    this.#end("the client does not read its answers");
  }

  #handleWaiting(): Promise<void> {
    return this.#handlingWaiting ??= this.#handleAFewAtATime().finally(() =>
      this.#handlingWaiting = undefined
    );
  }

  /** Handles the waiting lines as long as the client reads the answers. */
  async #handleAFewAtATime(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#isOver) {
      // The answers to the lines before are queued in later turns.
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (this.#isOver || !this.#hasRoom()) return;
      for (const line of this.#takeWaiting()) this.#handle(line);
    }
  }

  #hasRoom(): boolean {
    return this.#writer.pendingBytes <= this.#limits.unread / 2;
  }

  #takeWaiting(): Uint8Array[] {
    const lines = this.#waiting.splice(0, LINES_AT_ONCE);
    for (const line of lines) this.#waitingBytes -= line.length;
    return lines;
  }

  #handle(line: Uint8Array | LongLine): void {
    const read = line instanceof Uint8Array
      ? readMessages(line)
      : refuseLongLine(line, this.#limits.message);
    // A client that dies in the middle of a line leaves a part of a message, which needs no answer.
    if (this.#isLastLine && read.refusals.length > 0) return;
    for (const what of read.oddities) this.#report(what);
    for (const refusal of read.refusals) this.#write(refusal);
    for (const message of read.messages) this.#deliver(message);
  }

  #deliver({ id, method, params }: ClientMessage): void {
    const rest = { jsonrpc: "2.0" as const, method, ...(params === undefined ? {} : { params }) };
    if (id !== undefined) {
      this.onmessage?.({ ...rest, id: this.#requests.add(id) });
    } else if (method === "notifications/cancelled") {
      for (const requestId of this.#requests.cancel(params?.requestId)) {
        this.onmessage?.({ ...rest, params: { requestId } });
      }
      this.#checkIdle();
    } else {
      this.onmessage?.(rest);
    }
  }

  /** Once per kind: a client that is odd in one message is so in all. */
  #report(what: string): void {
    if (this.#reported.has(what)) return;
    this.#reported.add(what);
    this.#logger.warn(`unusual message from the client: ${what}`);
  }

  #write(message: object): void {
    this.#writer.write(JSON.stringify(message));
  }

  #checkIdle(): void {
    const isBusy = this.#requests.size > 0 && !this.#writer.isBroken;
    if (isBusy || this.#writer.pendingBytes > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
