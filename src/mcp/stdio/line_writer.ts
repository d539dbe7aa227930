/** The writing half of a pipe. @returns how many of the bytes were written */
export interface LineOutput {
  write(bytes: Uint8Array): Promise<number>;
}

/** Reports on the queue of a {@linkcode LineWriter}. */
export interface LineWriterEvents {
  /** The reader has taken something; `pendingBytes` is smaller now. */
  onProgress(): void;
  /** The reader is gone. Later lines are dropped. */
  onBroken(error: unknown): void;
}

/**
 * Writes lines in order and never blocks: while the reader does not read, the lines wait in a queue,
 * and the process still gets signals and the end of its input.
 */
export class LineWriter {
  readonly #output: LineOutput;
  readonly #events: LineWriterEvents;
  readonly #encoder = new TextEncoder();
  #queue: Uint8Array[] = [];
  #pendingBytes = 0;
  #isWriting = false;
  #isBroken = false;

  constructor(output: LineOutput, events: LineWriterEvents) {
    this.#output = output;
    this.#events = events;
  }

  /** Bytes that the reader has not taken yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** The reader is gone. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Queues one line; the line feed is added. */
  write(line: string): void {
    if (this.#isBroken) return;
    const bytes = this.#encoder.encode(`${line}\n`);
    this.#queue.push(bytes);
    this.#pendingBytes += bytes.length;
    if (!this.#isWriting) this.#run();
  }

  async #run(): Promise<void> {
    this.#isWriting = true;
    try {
      for (let lines; (lines = this.#queue).length > 0;) {
        this.#queue = [];
        for (const bytes of lines) await this.#writeAll(bytes);
      }
    } catch (error) {
      this.#isBroken = true;
      this.#queue = [];
      this.#pendingBytes = 0;
      this.#events.onBroken(error);
    } finally {
      this.#isWriting = false;
    }
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const count = await this.#output.write(bytes.subarray(done));
      done += count;
      this.#pendingBytes -= count;
      this.#events.onProgress();
    }
  }
}
