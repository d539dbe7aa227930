import type { CapturedText, ExecProgress } from "../../port.ts";
import type { StreamName } from "../../jobs/port.ts";
import { OutputCollector, shareLimit } from "../../output.ts";
import type { KeptFacts, Spool } from "../kept/kept_outputs.ts";

/** Both streams of one command, and the uncut beginning of them if somebody may want to read it. */
export class CommandOutput {
  readonly stdout: OutputCollector;
  readonly stderr: OutputCollector;
  readonly #limit: number;
  readonly #spool: Spool | undefined;
  readonly #stderrMark: string | undefined;

  /**
   * @param limit code points of both streams together in the answer
   * @param stderrMark see {@linkcode JobRequest.stderrMark}; only the kept stderr lacks it
   */
  constructor(limit: number, spool?: Spool, stderrMark?: string) {
    this.stdout = new OutputCollector(limit);
    this.stderr = new OutputCollector(limit);
    this.#limit = limit;
    this.#spool = spool;
    this.#stderrMark = stderrMark;
  }

  get bytes(): number {
    return this.stdout.bytes + this.stderr.bytes;
  }

  /** Adds a chunk; the chunk may be reused afterwards. */
  push(stream: StreamName, chunk: Uint8Array): void {
    this[stream].push(chunk);
    this.#spool?.push(stream, chunk);
  }

  /** Adds a part that is not here; see {@linkcode OutputCollector.skip}. It is not kept either. */
  skip(stream: StreamName, bytes: number, codePoints: number): void {
    this[stream].skip(bytes, codePoints);
  }

  /** Returns the bytes so far and the last lines of the stream that has something to say. */
  step(): ExecProgress {
    const noisier = this.stderr.bytes > 0 && this.stdout.bytes === 0 ? this.stderr : this.stdout;
    return { bytes: this.bytes, tail: noisier.lastLines(3, 500) };
  }

  /** Returns both streams, cut to the limit. Must be called once, after the last chunk. */
  end(): { readonly stdout: CapturedText; readonly stderr: CapturedText } {
    this.stdout.end();
    this.stderr.end();
    const [outShare, errShare] = shareLimit(this.stdout.length, this.stderr.length, this.#limit);
    return { stdout: this.stdout.cut(outShare), stderr: this.stderr.cut(errShare) };
  }

  /** Keeps the uncut output, as far as there is space. Returns its ID. */
  keep(facts: Omit<KeptFacts, "stdoutBytes" | "stderrBytes">): string | undefined {
    const stdoutBytes = this.stdout.bytes;
    const removed = this.#stderrMark === undefined ? 0 : this.#spool?.dropTo(this.#stderrMark) ?? 0;
    const stderrBytes = this.stderr.bytes - removed;
    return this.#spool?.keep({ ...facts, stdoutBytes, stderrBytes });
  }

  /** Releases what is not kept. */
  [Symbol.dispose](): void {
    this.#spool?.discard();
  }
}
