import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";

/** What the first command of a host has shown about its login; `undefined`: nothing. */
export type Shown = "free" | "forced" | undefined;

/** A shell that cannot read a command line does not run its start either. */
const SHELL_ERROR = /syntax error|parse error|unexpected|unmatched|^(\S*\/)?fish:/im;
/** csh reads these only at the start of a line. */
const NEEDS_LINE = /^\s*(#|if\b|while\b|foreach\b|switch\b|repeat\b|goto\b|\w+:)/;
/** Enough of stderr to recognise such an error. */
const MAX_START = 2_000;

/**
 * Finds out on the way whether the host runs commands as requested. A prefix of a command prints a
 * token to stderr, where it is removed again.
 *
 * Source: sshd session.c sets SSH_ORIGINAL_COMMAND exactly if it runs a forced command.
 */
export class LoginProbe {
  readonly #token = `p${crypto.randomUUID().replaceAll("-", "")}`;
  readonly #onShown: (shown: Shown) => void;
  #isOver = false;
  #isAbandoned = false;
  #hasExited = false;
  #isFound = false;
  #held: Uint8Array = new Uint8Array();
  #start = "";

  /** @param onShown called once, unless the probe is abandoned and prints nothing */
  constructor(onShown: (shown: Shown) => void) {
    this.#onShown = onShown;
  }

  /** Puts the probe in front of a command, on its line if possible: shells number lines in messages. */
  line(command: string): string {
    return `${this.#prefix}${NEEDS_LINE.test(command) ? "\n" : "; "}${command}`;
  }

  get #prefix(): string {
    return `/bin/sh -c 'echo ${this.#token} \${SSH_ORIGINAL_COMMAND+forced} >&2'`;
  }

  /** Watches a command that was started with {@linkcode line}. Call it before any output arrives. */
  watch(channel: ClientChannel): void {
    const { stderr } = channel;
    const push = stderr.push.bind(stderr);
    stderr.push = (chunk: Uint8Array | null) => {
      if (chunk !== null) return this.#filter(chunk, push);
      if (this.#held.length > 0) push(this.#held);
      this.#held = new Uint8Array();
      return push(null);
    };
    channel.once("exit", () => this.#hasExited = true);
    channel.once("close", () => {
      // Without an exit report, the connection was lost, or the end says nothing about the start.
      if (this.#isAbandoned) return;
      if (this.#hasExited && !SHELL_ERROR.test(this.#start)) this.#show("forced");
      else this.#show(undefined);
    });
  }

  /** The command is being stopped, so its end without the token says nothing. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  #show(shown: Shown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onShown(shown);
  }

  /** Passes everything on but the line that the probe has printed. */
  #filter(chunk: Uint8Array, push: (chunk: Uint8Array) => boolean): boolean {
    if (this.#isFound) return push(chunk);
    const bytes = Buffer.concat([this.#held, chunk]);
    const text = bytes.toString("latin1");
    // A shell that echoes its commands prints the token in other lines too.
    const found = new RegExp(`${this.#token}( forced| ?)\\r?\\n`).exec(text);
    if (found !== null) {
      this.#isFound = true;
      this.#held = new Uint8Array();
      this.#show(found[1] === " forced" ? "forced" : "free");
      const end = found.index + found[0].length;
      const rest = Buffer.concat([bytes.subarray(0, found.index), bytes.subarray(end)]);
      return rest.length === 0 || push(rest);
    }
    const from = bytes.length - unfinished(text, this.#token);
    this.#held = bytes.subarray(from);
    // Some shells repeat a line that they cannot read.
    const shown = text.slice(0, from).replaceAll(`${this.#prefix}; `, "");
    if (this.#start.length < MAX_START) this.#start += shown;
    return shown === "" || push(Buffer.from(shown, "latin1"));
  }
}

/** Returns the length of the longest end of `text` that may be the start of the probe's line. */
function unfinished(text: string, token: string): number {
  const line = `${token} forced\r\n`;
  for (let length = Math.min(text.length, line.length); length > 0; length--) {
    const end = text.slice(-length);
    if (line.startsWith(end) || `${token}\r\n`.startsWith(end) || `${token} \r\n`.startsWith(end)) {
      return length;
    }
  }
  return 0;
}
