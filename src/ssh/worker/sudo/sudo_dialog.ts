import { Buffer } from "node:buffer";
import type { Readable } from "node:stream";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { delay } from "../../../async/delay.ts";
import { beginMark, promptOf, rootMark } from "./root_line.ts";

/** How the conversation with sudo ended. */
export type DialogEnd =
  | { readonly kind: "root" }
  /** `said` is what sudo has printed; `prompts` counts the passwords that it asked for. */
  | { readonly kind: "refused"; readonly said: string; readonly prompts: number }
  /** sudo asks for something else, such as a code. */
  | { readonly kind: "question"; readonly said: string };

/** Longer texts before the start of the command are cut. */
const MAX_SAID = 8_000;
/** A prompt of sudo that is not ours, but asks for the same. */
const ASKS_PASSWORD = /password[^:\n]{0,80}:\s*$/i;
/** And those that ask for another one. */
const ASKS_OTHER = /new|current|retype|one.?time|otp|passcode|code|expired/i;
/** A line without an end is a question when nothing follows it for this long. */
const QUESTION_MS = 2_000;

/**
 * The conversation with sudo before a command of root begins: answers its first prompt with the password,
 * and the next one with the end of stdin, so that a wrong password is one failed attempt. The streams of the
 * channel get only what follows.
 */
export class SudoDialog {
  readonly ended: Promise<DialogEnd>;
  readonly #channel: ClientChannel;
  readonly #token: string;
  readonly #password: string | undefined;
  readonly #end: (end: DialogEnd) => void;
  readonly #streams = { stdout: "", stderr: "" };
  #open = 2;
  #prompts = 0;
  /** Where in stderr the unanswered part begins. */
  #answered = 0;
  #turn = 0;

  constructor(channel: ClientChannel, token: string, password: string | undefined) {
    this.#channel = channel;
    this.#token = token;
    this.#password = password;
    const { promise, resolve } = Promise.withResolvers<DialogEnd>();
    this.ended = promise;
    this.#end = resolve;
    const rest = [this.#watch(channel, "stdout"), this.#watch(channel.stderr, "stderr")];
    for (const read of rest) read();
  }

  /** True if the password was sent. */
  get hasSent(): boolean {
    return this.#password !== undefined && this.#prompts > 0;
  }

  /** Filters a stream up to the mark. Returns a function that passes on what it had received before. */
  #watch(stream: Readable, name: "stdout" | "stderr"): () => void {
    const push = stream.push.bind(stream);
    let isOver = false;
    const take = (chunk: Uint8Array, pass: (rest: Uint8Array) => unknown): void => {
      const rest = this.#take(name, chunk);
      if (rest === undefined) return;
      isOver = true;
      if (rest.length > 0) pass(rest);
      if (--this.#open === 0) this.#end({ kind: "root" });
    };
    const ended = () => {
      if (!isOver && name === "stderr") this.#refused();
    };
    // The stream may have ended together with the start; then nothing can be pushed.
    const earlier: Uint8Array[] = [];
    for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) earlier.push(chunk);
    stream.once("end", ended);
    stream.push = (chunk: Uint8Array | null) => {
      // The streams may never be read to their end, so the channel may never close.
      if (chunk === null) ended();
      if (chunk === null || isOver) return push(chunk);
      let isWanted = true;
      take(chunk, (rest) => isWanted = push(rest));
      return isWanted;
    };
    return () => {
      if (earlier.length > 0) take(Buffer.concat(earlier), (rest) => stream.unshift(rest));
    };
  }

  /** Returns what follows the mark, or undefined before it. */
  #take(name: "stdout" | "stderr", chunk: Uint8Array): Uint8Array | undefined {
    const text = this.#streams[name] + Buffer.from(chunk).toString("latin1");
    const mark = rootMark(this.#token);
    const at = text.indexOf(mark);
    if (at >= 0) {
      this.#turn++;
      return Buffer.from(text.slice(at + mark.length), "latin1");
    }
    const cut = Math.max(0, text.length - MAX_SAID);
    this.#answered = name === "stderr" ? Math.max(0, this.#answered - cut) : this.#answered;
    this.#streams[name] = text.slice(cut);
    if (name === "stderr") this.#answer();
    return undefined;
  }

  #answer(): void {
    this.#turn++;
    const begin = beginMark(this.#token);
    const at = this.#streams.stderr.indexOf(begin);
    if (at >= 0) this.#answered = Math.max(this.#answered, at + begin.length);
    if (this.#answered === 0) return;
    const asked = this.#streams.stderr.slice(this.#answered);
    const line = asked.slice(asked.lastIndexOf("\n") + 1);
    if (line === "") return;
    if (asked.includes(promptOf(this.#token)) || isPasswordPrompt(line)) this.#prompted();
    else this.#questioned(line);
  }

  #prompted(): void {
    this.#answered = this.#streams.stderr.length;
    this.#prompts++;
    if (this.#prompts === 1 && this.#password !== undefined) {
      this.#channel.write(`${this.#password}\n`);
    } else this.#channel.end();
  }

  /** Waits whether the line goes on. */
  async #questioned(line: string): Promise<void> {
    const turn = this.#turn;
    await delay(QUESTION_MS);
    if (turn !== this.#turn) return;
    this.#end({ kind: "question", said: text(line) });
    this.#channel.end();
  }

  #refused(): void {
    this.#turn++;
    const begin = beginMark(this.#token);
    const { stderr } = this.#streams;
    const at = stderr.indexOf(begin);
    const said = (at < 0 ? stderr : stderr.slice(at + begin.length))
      .replaceAll(promptOf(this.#token), "");
    this.#end({ kind: "refused", said: text(said), prompts: this.#prompts });
  }
}

const isPasswordPrompt = (line: string): boolean =>
  ASKS_PASSWORD.test(line) && !ASKS_OTHER.test(line);

const text = (latin1: string): string =>
  new TextDecoder().decode(Buffer.from(latin1, "latin1")).trim();
