import assert from "node:assert/strict";
// @ts-types="@types/ssh2"
import type { SFTPWrapper } from "ssh2";
import { Sftp } from "../../../../../src/ssh/worker/files/sftp/sftp.ts";
import {
  againIfBlocked,
  SessionBlocked,
  SftpQueue,
} from "../../../../../src/ssh/worker/files/sftp/sftp_queue.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";
import { until } from "../../../../support/until.ts";

type Done = (error: Error | undefined, value?: unknown) => void;

/** A session that answers a request only when the test says so. */
class Session {
  readonly names: string[] = [];
  readonly #waiting: Done[] = [];
  readonly wrapper = new Proxy({}, {
    get: (_target, name: string) => (...args: unknown[]) => {
      this.names.push(name);
      this.#waiting.push(args.at(-1) as Done);
    },
  }) as unknown as SFTPWrapper;

  /** Answers everything, as at the end of a session. */
  end(): void {
    for (const done of this.#waiting.splice(0)) done(new Error("No response from server"));
  }
}

const handle = new Uint8Array(1);

Deno.test("calls leave an SFTP session in which another call's request is not answered", async () => {
  const session = new Session();
  const clock = new FakeClock();
  SftpQueue.of(session.wrapper, clock);
  const [stuck, other, changing] = [1, 2, 3].map(() => new Sftp(session.wrapper));
  assert.ok(stuck && other && changing);
  const outcomes: string[] = [];
  const note = (name: string, work: Promise<unknown>) => {
    work.then(() => {}, (error) => outcomes.push(`${name}: ${error.message.slice(0, 16)}`));
  };
  note("stuck", stuck.fstat(handle));
  note("change", changing.rename("a", "b"));
  note("content", other.write(handle, new Uint8Array(3), 0));
  const asking = other.stat("f").catch((error: unknown) => error);
  for (let second = 0; second < 4; second++) clock.advance(1_000);
  const blocked = await asking;
  assert.ok(blocked instanceof SessionBlocked);
  assert.equal(blocked.code, "connection_lost");
  // From now on, nothing but its cleanup is sent.
  await assert.rejects(other.remove("f"), SessionBlocked);
  await assert.rejects(other.rename("f", "g"), SessionBlocked);
  assert.deepEqual(session.names, ["fstat", "rename", "write", "stat", "unlink"]);
  assert.deepEqual(outcomes, ["content: The host does no"]);
  session.end();
  await until("the answers", () => outcomes.length === 3);
  assert.equal(clock.waiting, 0);
  assert.deepEqual(outcomes.slice(1).sort(), [
    "change: No response from",
    "stuck: No response from",
  ]);
});

Deno.test("againIfBlocked() repeats what left its session, once", async () => {
  const tries: number[] = [];
  const blocked = againIfBlocked(() => {
    tries.push(tries.length);
    return Promise.reject(new SessionBlocked());
  });
  await assert.rejects(blocked, SessionBlocked);
  assert.deepEqual(tries, [0, 1]);
  await assert.rejects(againIfBlocked(() => Promise.reject(new Error("other"))), /other/);
});

Deno.test("pieces of files wait longer than questions, and a single call leaves never", async () => {
  const session = new Session();
  const clock = new FakeClock();
  SftpQueue.of(session.wrapper, clock);
  const [slow, other] = [new Sftp(session.wrapper), new Sftp(session.wrapper)];
  const first = assert.rejects(slow.write(handle, new Uint8Array(3), 0), /No response/);
  for (let second = 0; second < 100; second++) clock.advance(1_000);
  assert.equal(clock.waiting, 0);
  const left = assert.rejects(other.write(handle, new Uint8Array(3), 0), SessionBlocked);
  for (let second = 0; second < 15; second++) clock.advance(1_000);
  assert.equal(clock.waiting, 1);
  clock.advance(1_000);
  await left;
  session.end();
  await first;
  assert.equal(clock.waiting, 0);
});
