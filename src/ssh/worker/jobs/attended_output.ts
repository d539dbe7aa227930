import type { CapturedText, ExecProgress } from "../../port.ts";
import { OutputCollector, shareLimit } from "../../output.ts";
import type { CommandStream } from "../commands/command_stream.ts";
import type { JobStatus } from "./records.ts";

/** The output of an attended job, as the starter sends it. */
export class AttendedOutput {
  readonly #stream: CommandStream;
  readonly #stdout: OutputCollector;
  readonly #stderr: OutputCollector;
  readonly #stderrMark: string;
  #stdoutBefore = "";
  #stderrBefore = "";
  #isMarked = false;

  /** @param stderrMark see {@linkcode ExecRequest.stderrMark} */
  constructor(stream: CommandStream, characterLimit: number, stderrMark = "") {
    this.#stream = stream;
    this.#stdout = new OutputCollector(characterLimit);
    this.#stderr = new OutputCollector(characterLimit);
    this.#stderrMark = stderrMark;
  }

  /** True if the start mark was printed. */
  get isMarked(): boolean {
    return this.#isMarked;
  }

  /** What was printed before the start mark, and the start of stderr. */
  get before(): string {
    return `${this.#stdoutBefore}\n${this.#stderrBefore}${this.#stderr.cut(1_000).text}`;
  }

  /**
   * Reads the bytes that follow a line: `O SIZE` and `R SIZE` for stdout and stderr, `P IS-MARKED SIZE` and
   * `Q IS-MARKED SIZE` for their unwanted start. Returns false for any other line.
   */
  async take(word: string, [first = "", second = ""]: readonly string[]): Promise<boolean> {
    if (word === "O" || word === "R") {
      const collector = word === "O" ? this.#stdout : this.#stderr;
      await this.#read(Number(first), (chunk) => collector.push(chunk));
      return true;
    }
    if (word !== "P" && word !== "Q") return false;
    const chunks: Uint8Array[] = [];
    await this.#read(Number(second), (chunk) => chunks.push(chunk));
    const text = new TextDecoder().decode(await new Blob(chunks as BlobPart[]).arrayBuffer());
    if (word === "P") {
      this.#isMarked = first === "1";
      this.#stdoutBefore = text.slice(-2_000);
    } else {
      const mark = first === "1" ? this.#stderrMark : "";
      this.#stderr.push(new TextEncoder().encode(text + mark));
    }
    return true;
  }

  progress(): ExecProgress {
    const [stdout, stderr] = [this.#stdout, this.#stderr];
    const noisier = stderr.bytes > 0 && stdout.bytes === 0 ? stderr : stdout;
    return { bytes: stdout.bytes + stderr.bytes, tail: noisier.lastLines(3, 500) };
  }

  /** Returns both streams, cut to the limit. Call it once, at the end. */
  cut(
    limit: number,
    _status: JobStatus | undefined,
  ): { stdout: CapturedText; stderr: CapturedText } {
    this.#stdout.end();
    this.#stderr.end();
    const [out, err] = shareLimit(this.#stdout.length, this.#stderr.length, limit);
    return { stdout: this.#stdout.cut(out), stderr: this.#stderr.cut(err) };
  }

  async #read(size: number, use: (chunk: Uint8Array) => void): Promise<void> {
    for (let left = size; left > 0;) {
      const chunk = await this.#stream.read(left);
      if (chunk === undefined) return;
      use(chunk);
      left -= chunk.length;
    }
  }
}
