// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { valueWithin } from "../../../async/deadline.ts";
import { guardCommand } from "./guard_script.ts";

/** One process of the host: its pid and its start time, as the guard writes them (`PID:START`). */
export type ProcessMark = string;

/** The near end of the guard; see `guard_script.ts` for what runs on the host. */
export class Guard {
  readonly #channel: ClientChannel;
  readonly #token: string;
  readonly #waiting = new Map<string, (reply: string | undefined) => void>();
  readonly #ready = Promise.withResolvers<boolean>();
  #serial = 0;
  #pid: string | undefined;
  #rest = "";
  #open = true;

  /** @param channel runs {@linkcode Guard.command} */
  constructor(channel: ClientChannel, token: string) {
    this.#channel = channel;
    this.#token = token;
    channel.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    channel.stderr.resume();
    channel.on("close", () => this.#end());
    channel.on("error", () => this.#end());
  }

  static token(): string {
    return `g${crypto.randomUUID().replaceAll("-", "")}`;
  }

  static command(token: string): string {
    return guardCommand(token);
  }

  /** Its own process id on the host, once it is ready. */
  get pid(): string | undefined {
    return this.#pid;
  }

  /** Whether the host can be guarded this way; false also when there is no answer in time. */
  async ready(limitMs: number): Promise<boolean> {
    return await valueWithin(this.#ready.promise, limitMs) ?? false;
  }

  /** Notes what runs now, so that it can be ended when the link is lost. Nothing is waited for. */
  note(): void {
    this.#write("s");
  }

  /** The connection's processes in the order in which they were started, this guard among them. */
  async list(limitMs: number): Promise<ProcessMark[] | undefined> {
    const reply = await this.#ask("l", "", limitMs);
    return reply?.split(" ").filter((mark) => mark !== "");
  }

  /**
   * Ends the session that a process leads: TERM, after a second KILL. With `graceMs` it is never killed,
   * and its end is waited for so long.
   *
   * @returns processes that are still alive, -1 when the process leads no session, or undefined
   *   when no answer came
   */
  async end(mark: ProcessMark, limitMs: number, graceMs?: number): Promise<number | undefined> {
    const hundredths = graceMs === undefined ? "" : ` ${Math.ceil(graceMs / 10)}`;
    const reply = await this.#ask("k", ` ${mark}${hundredths}`, limitMs + (graceMs ?? 0));
    return reply === undefined ? undefined : Number(reply);
  }

  /** Has a file removed when the connection ends before {@linkcode Guard.drop} is called for it. */
  keep(path: string): void {
    this.#write(`+${oneLine(path)}`);
  }

  drop(path: string): void {
    this.#write(`-${oneLine(path)}`);
  }

  /** Ends everything that the connection runs. True when the guard says that it is done. */
  async quit(limitMs: number): Promise<boolean> {
    return await this.#send("q", "q", limitMs) !== undefined;
  }

  #ask(verb: "l" | "k", rest: string, limitMs: number): Promise<string | undefined> {
    const key = `${verb} ${++this.#serial}`;
    return this.#send(key, `${key}${rest}`, limitMs);
  }

  async #send(key: string, line: string, limitMs: number): Promise<string | undefined> {
    if (!this.#open) return undefined;
    const reply = new Promise<string | undefined>((resolve) => this.#waiting.set(key, resolve));
    this.#write(line);
    return await valueWithin(reply, limitMs).finally(() => this.#waiting.delete(key));
  }

  #write(line: string): void {
    if (this.#open) this.#channel.write(`${line}\n`);
  }

  #receive(chunk: Uint8Array): void {
    const lines = (this.#rest + new TextDecoder().decode(chunk)).split("\n");
    this.#rest = (lines.pop() ?? "").slice(-65_536);
    for (const line of lines) {
      // A login shell may print things of its own first, even on the same line.
      const at = line.indexOf(`${this.#token} `);
      if (at >= 0) this.#handle(line.slice(at + this.#token.length + 1));
    }
  }

  #handle(reply: string): void {
    const [verb = "", id = "", ...rest] = reply.split(" ");
    if (verb === "ready") {
      this.#pid = id;
      return this.#ready.resolve(true);
    }
    if (verb === "none") return this.#ready.resolve(false);
    const key = verb === "q" ? "q" : `${verb} ${id}`;
    this.#waiting.get(key)?.(rest.join(" "));
  }

  #end(): void {
    this.#open = false;
    this.#ready.resolve(false);
    for (const answer of this.#waiting.values()) answer(undefined);
  }
}

/** A path as `printf %b` gives it back. */
const oneLine = (path: string): string => path.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
