// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { abortable } from "../../../async/abortable.ts";
import { cancelling } from "../../../async/cancelling.ts";
import { deadlineSignal, valueWithin } from "../../../async/deadline.ts";
import { Turns } from "../../../async/turns.ts";
import { needsSudo, type SshConfig, type SudoConfig } from "../../../config/config.ts";
import type { RemoteExecError } from "../../../errors.ts";
import { redactor } from "../../../log.ts";
import { connectionLost } from "../../errors.ts";
import type { StartedCommand } from "../commands/started_command.ts";
import type { SessionWait } from "../connection/pool.ts";
import {
  isWrongPassword,
  sudoAsks,
  sudoNotConfigured,
  sudoRefused,
  sudoSilent,
  wrongPassword,
} from "./errors.ts";
import {
  beginMark,
  LEFT_ALIVE,
  promptOf,
  type RootCommand,
  rootJobLine,
  rootLine,
  rootMark,
} from "./root_line.ts";
import { SudoDialog } from "./sudo_dialog.ts";

/** Max time for the end of a stopped command, in addition to its grace time. */
const STOP_MS = 6_000;
/** Max time that sudo takes for a password; modules of PAM delay a refusal by seconds. */
const JUDGE_MS = 30_000;

/** A job whose command root runs. */
export interface RootJob {
  readonly token: string;
  /** The command line of the job. */
  readonly command: string;
  /** The line that root prints to stdout and stderr before the command starts. */
  readonly mark: string;
  /** The first line of the starter's stdin; undefined: sudo must not ask. */
  readonly input: string | undefined;
  /** Returns the error for what was printed to stderr instead of the mark. */
  refused(said: string): RemoteExecError;
}

/** Starts a command line on the host, unless its login is forced. */
export type StartOwn = (line: string, wait: SessionWait) => Promise<StartedCommand>;

/**
 * Runs commands as root through sudo. The password goes to stdin of sudo when sudo asks for it, and nowhere
 * else. As each attempt with a wrong password counts for a lock-out, none follows a refused one, and until
 * one was accepted only one is made at a time.
 */
export class Sudo {
  readonly #config: SudoConfig | undefined;
  readonly #start: StartOwn;
  readonly #first = new Turns(1);
  /** See {@linkcode needsSudo}. */
  readonly isNeeded: boolean;
  #isAccepted = false;
  #wrong: RemoteExecError | undefined;
  /** Settles when sudo has judged a password that an abandoned call has sent. */
  #judged: Promise<unknown> = Promise.resolve();

  /** @param isWrong sudo has refused the password of an earlier worker */
  constructor(config: Pick<SshConfig, "sudo" | "username">, start: StartOwn, isWrong = false) {
    this.#config = config.sudo;
    this.#start = start;
    this.isNeeded = needsSudo(config);
    if (isWrong) this.#wrong = wrongPassword("");
  }

  /** True if sudo has refused the password; it is not sent again. */
  get isWrong(): boolean {
    return this.#wrong !== undefined;
  }

  /** True if SUDO or SUDO_PASSWORD is set. */
  get isConfigured(): boolean {
    return this.#config !== undefined;
  }

  /**
   * Starts a command as root. Its stdin ends only when it is stopped: `channel.end()` does nothing.
   *
   * @throws RemoteExecError `sudo_refused`, `unsupported` if the login is forced, `timeout`, …
   */
  async start(command: RootCommand, wait: SessionWait): Promise<StartedCommand> {
    const { password } = this.#config ?? {};
    if (this.#config === undefined) throw sudoNotConfigured();
    if (password === undefined || this.#isAccepted) return await this.#open(command, wait);
    return await this.#first.run(() => this.#open(command, wait), cancelling(wait.signal));
  }

  /** Starts a script of ours as root; all of stdin is its own. */
  startScript(line: string, wait: SessionWait): Promise<StartedCommand> {
    return this.start({ line, isScript: true, stdinBytes: undefined, graceMs: undefined }, wait);
  }

  /**
   * Finds out once whether sudo works and accepts the password, before a job is started with it.
   *
   * @throws RemoteExecError `sudo_refused`, …
   */
  async prove(wait: SessionWait): Promise<void> {
    if (this.#wrong !== undefined) throw this.#wrong;
    if (this.#isAccepted) return;
    const command = { line: "exit 0", isScript: true, stdinBytes: 0, graceMs: undefined };
    const started = await this.start(command, wait);
    await started.end();
    started.release();
  }

  /** Returns the parts of a job that runs a command as root. Call {@linkcode prove} first. */
  job(command: Pick<RootCommand, "line" | "graceMs">): RootJob {
    const password = this.#config?.password;
    const token = newToken();
    const mayAsk = password !== undefined;
    return {
      token,
      command: rootJobLine({ ...command, isScript: false, stdinBytes: 0 }, { token, mayAsk }),
      mark: rootMark(token).trimEnd(),
      input: password === undefined ? undefined : `${password}\n`,
      refused: (said) => {
        const prompt = promptOf(token).trim();
        const after = said.split(beginMark(token)).at(-1) ?? "";
        const prompts = after.split(prompt).length - 1;
        return this.#refused(after.replaceAll(prompt, ""), prompts);
      },
    };
  }

  async #open(command: RootCommand, wait: SessionWait): Promise<StartedCommand> {
    using limit = deadlineSignal(Math.max(0, wait.deadlineMs - performance.now()), {
      signal: cancelling(wait.signal),
      late: () => sudoSilent(wait.limitMs),
    });
    if (!this.#isAccepted) await abortable(this.#judged, limit.signal);
    if (this.#wrong !== undefined) throw this.#wrong;
    const password = this.#config?.password;
    const token = newToken();
    const line = rootLine(command, { token, mayAsk: password !== undefined });
    const started = await this.#start(line, wait);
    const { channel } = started;
    const endInput = channel.end.bind(channel);
    channel.on("error", () => {}); // a write after the end of sudo
    const dialog = new SudoDialog(channel, token, password);
    try {
      const end = await abortable(dialog.ended, limit.signal);
      if (end.kind === "refused" && !started.isConnected()) {
        throw connectionLost("the start of sudo");
      }
      if (end.kind === "question") throw sudoAsks(this.#redacted(end.said));
      if (end.kind === "refused") throw this.#refused(end.said, end.prompts);
      this.#isAccepted = true;
      return rootCommand(started, endInput);
    } catch (error) {
      // A slow refusal of a wrong password counts too, or calls with a short timeout would lock the login.
      if (dialog.hasSent) this.#judged = valueWithin(this.#learn(dialog, started), JUDGE_MS);
      endInput();
      started.release();
      throw error;
    }
  }

  async #learn(dialog: SudoDialog, started: StartedCommand): Promise<void> {
    const end = await dialog.ended;
    if (end.kind === "root") this.#isAccepted = true;
    if (end.kind === "refused" && started.isConnected()) this.#refused(end.said, end.prompts);
  }

  #refused(said: string, prompts: number): RemoteExecError {
    const hasPassword = this.#config?.password !== undefined;
    const error = sudoRefused(this.#redacted(said), prompts, hasPassword);
    if (isWrongPassword(said, prompts, hasPassword)) this.#wrong = error;
    return error;
  }

  #redacted(text: string): string {
    const { password } = this.#config ?? {};
    if (password === undefined) return text;
    return password.length < 4 && text.includes(password) ? "" : redactor([password])(text);
  }
}

const newToken = (): string => `r${crypto.randomUUID().replaceAll("-", "")}`;

/** The command behind sudo: only the end of stdin stops it. */
function rootCommand(started: StartedCommand, endInput: ClientChannel["end"]): StartedCommand {
  const { channel } = started;
  channel.end = (data?: unknown) => {
    if (typeof data === "string" || data instanceof Uint8Array) channel.write(data);
    return channel;
  };
  return {
    ...started,
    end: async (graceMs = 0) => {
      endInput();
      if (!started.isConnected()) return false;
      const exit = await valueWithin(started.exited, STOP_MS + graceMs);
      return exit !== undefined && exit.code !== null && exit.code !== LEFT_ALIVE;
    },
  };
}
