import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import type { StartedCommand } from "../../../../src/ssh/worker/commands/started_command.ts";
import { beginMark, promptOf, rootMark } from "../../../../src/ssh/worker/sudo/root_line.ts";
import { Sudo } from "../../../../src/ssh/worker/sudo/sudo.ts";

const PASSWORD = "geheim ä";
const WRONG = { code: "sudo_refused", message: /does not accept SUDO_PASSWORD/ };
const COMMAND = { line: "id", isScript: false, stdinBytes: 0, graceMs: undefined };

/** One start of sudo in memory. */
class Start {
  readonly stderr = new Readable({ read() {} });
  readonly stdout = new Readable({ read() {} });
  readonly command: StartedCommand;
  readonly #token: string;
  readonly #sent = Promise.withResolvers<string>();
  readonly sent = this.#sent.promise;

  constructor(line: string) {
    this.#token = /r[0-9a-f]{32}/.exec(line)?.[0] ?? "";
    const channel = Object.assign(this.stdout, {
      stderr: this.stderr,
      write: (text: string) => this.#sent.resolve(text),
      end: () => {},
    });
    // Only these parts are used.
    this.command = {
      channel: channel as unknown as ClientChannel,
      exited: new Promise(() => {}),
      isConnected: () => true,
      release: () => {},
    } as Partial<StartedCommand> as StartedCommand;
  }

  ask(): void {
    this.stderr.push(Buffer.from(beginMark(this.#token) + promptOf(this.#token)));
  }

  refuse(): void {
    this.stderr.push(Buffer.from(`\nSorry, try again.\nsudo: no password was provided\n`));
    this.stderr.push(null);
  }

  becomeRoot(): void {
    for (const stream of [this.stdout, this.stderr]) {
      stream.push(Buffer.from(rootMark(this.#token)));
    }
  }
}

/** sudo whose starts are in the hands of the test. */
class Stage {
  readonly starts: Start[] = [];
  readonly sudo: Sudo;
  #started = Promise.withResolvers<Start>();

  constructor(isWrong = false) {
    const sudo = { password: PASSWORD };
    this.sudo = new Sudo({ sudo, username: "me" }, (line) => {
      const start = new Start(line);
      this.starts.push(start);
      this.#started.resolve(start);
      this.#started = Promise.withResolvers();
      return Promise.resolve(start.command);
    }, isWrong);
  }

  /** Starts a command. Returns its outcome and its start on the host, which the test plays. */
  call(signal: AbortSignal = new AbortController().signal) {
    const started = this.#started.promise;
    const deadlineMs = performance.now() + 30_000;
    const outcome = this.sudo.start(COMMAND, { deadlineMs, limitMs: 30_000, signal });
    outcome.catch(() => {});
    return { outcome, started };
  }

  /** A call that stops waiting after it has sent the password. */
  async abandoned(): Promise<Start> {
    const caller = new AbortController();
    const { outcome, started } = this.call(caller.signal);
    const start = await started;
    start.ask();
    assert.equal(await start.sent, `${PASSWORD}\n`);
    caller.abort(new Error("too late"));
    await assert.rejects(outcome);
    return start;
  }
}

Deno.test("a wrong password is not sent again after a call that did not wait for sudo's answer", async () => {
  const stage = new Stage();
  const first = await stage.abandoned();
  const { outcome } = stage.call();
  first.refuse();
  await assert.rejects(outcome, WRONG);
  assert.equal(stage.starts.length, 1);
  assert.equal(stage.sudo.isWrong, true);
});

Deno.test("a call goes on when sudo has accepted the password of a call that did not wait for it", async () => {
  const stage = new Stage();
  const first = await stage.abandoned();
  const { outcome, started } = stage.call();
  first.becomeRoot();
  const second = await started;
  second.becomeRoot();
  await outcome;
});

Deno.test("a password that was not sent before the end of stdin does not count as wrong", async () => {
  const stage = new Stage();
  const caller = new AbortController();
  const { outcome, started } = stage.call(caller.signal);
  const first = await started;
  caller.abort(new Error("too late"));
  await assert.rejects(outcome);
  first.ask();
  first.refuse();
  const next = stage.call();
  const second = await next.started;
  second.ask();
  assert.equal(await second.sent, `${PASSWORD}\n`);
  second.becomeRoot();
  await next.outcome;
});

Deno.test("a password that sudo has refused to an earlier worker is not sent", async () => {
  const stage = new Stage(true);
  await assert.rejects(stage.call().outcome, WRONG);
  assert.equal(stage.starts.length, 0);
});
