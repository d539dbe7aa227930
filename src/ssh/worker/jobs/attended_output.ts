import type { CapturedText, ExecProgress } from "../../port.ts";
import type { CommandOutput } from "../commands/command_output.ts";
import type { JobStatus } from "./records.ts";
import type { CommandStream } from "../commands/command_stream.ts";

/** The output of an attended job, as the starter sends it. */
export class AttendedOutput {
  readonly #stream: CommandStream;
  readonly #output: CommandOutput;
  readonly #stderrMark: string;
  #stdoutBefore = "";
  #stderrBefore = "";
  #isMarked = false;
  #isRoot = false;
  readonly #bytes = { stdout: 0, stderr: 0 };

  readonly #rootMark: string | undefined;

  /**
   * @param stderrMark see {@linkcode ExecRequest.stderrMark}
   * @param rootMark the line that ends what sudo prints
   */
  constructor(stream: CommandStream, output: CommandOutput, stderrMark = "", rootMark?: string) {
    this.#rootMark = rootMark;
    this.#stream = stream;
    this.#output = output;
    this.#stderrMark = stderrMark;
  }

  /** True if the start mark was printed. */
  get isMarked(): boolean {
    return this.#isMarked;
  }

  /** True if root has started the command. */
  get isRoot(): boolean {
    return this.#isRoot;
  }

  /** What sudo printed instead. */
  get saidBySudo(): string {
    return this.#stderrBefore;
  }

  /** What was printed before the start mark, and the start of stderr. */
  get before(): string {
    return `${this.#stdoutBefore}\n${this.#stderrBefore}${this.#output.stderr.cut(1_000).text}`;
  }

  /**
   * Reads the bytes that follow a line: `O SIZE` and `R SIZE` for stdout and stderr, `P IS-MARKED SIZE` and
   * `Q IS-MARKED SIZE` for their unwanted start; `K O|R SIZE CODE-POINTS` is a part that is left out. Returns false for any other line.
   */
  async take(
    word: string,
    [first = "", second = "", third = ""]: readonly string[],
  ): Promise<boolean> {
    if (word === "O" || word === "R") {
      const stream = word === "O" ? "stdout" : "stderr";
      await this.#read(Number(first), (chunk) => this.#output.push(stream, chunk));
      this.#bytes[stream] += Number(first);
      return true;
    }
    if (word === "K") {
      this.#skip(first === "O" ? "stdout" : "stderr", Number(second), Number(third));
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
      const said = this.#rootMark === undefined ? text : this.#afterSudo(text, first === "1");
      this.#output.push("stderr", new TextEncoder().encode(said + mark));
    }
    return true;
  }

  /** Returns what follows the mark of root in the unwanted start, which ends with it if nothing else ends that. */
  #afterSudo(text: string, isMarked: boolean): string {
    const [said = "", ...rest] = text.split(`${this.#rootMark}\n`);
    this.#isRoot = rest.length > 0 || isMarked && this.#stderrMark === "";
    if (!this.#isRoot) this.#stderrBefore = said;
    return rest.join("");
  }

  /** The bytes of the job's streams so far; the unwanted start is not part of them. */
  get offsets(): { readonly stdoutBytes: number; readonly stderrBytes: number } {
    return { stdoutBytes: this.#bytes.stdout, stderrBytes: this.#bytes.stderr };
  }

  progress(): ExecProgress {
    return this.#output.step();
  }

  /** Returns both streams, cut to the limit. Call it once, at the end. */
  end(): { readonly stdout: CapturedText; readonly stderr: CapturedText } {
    return this.#output.end();
  }

  /** Adds what was not stored. Its characters are not known, so each byte counts as one. */
  addDropped({ stdoutTotal = 0, stderrTotal = 0 }: JobStatus): void {
    for (const [stream, total] of [["stdout", stdoutTotal], ["stderr", stderrTotal]] as const) {
      const dropped = total - this.#bytes[stream];
      if (dropped > 0) this.#skip(stream, dropped, dropped);
    }
  }

  #skip(stream: "stdout" | "stderr", bytes: number, codePoints: number): void {
    this.#bytes[stream] += bytes;
    this.#output.skip(stream, bytes, codePoints);
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
