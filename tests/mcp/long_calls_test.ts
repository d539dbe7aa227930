import assert from "node:assert/strict";
import { RemoteExecError } from "../../src/errors.ts";
import { LongCalls } from "../../src/mcp/long_calls.ts";
import type { Progress, ToolContext } from "../../src/mcp/tool.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { pure } from "../support/pure.ts";

type Answer = { readonly text: string; readonly data: Record<string, unknown> };

const DONE: Answer = { text: "done", data: { success: true } };

/** One call whose work ends when the test says so. */
function start(calls: LongCalls, progress?: (step: Progress) => void) {
  const client = new AbortController();
  const work = Promise.withResolvers<Answer>();
  let seen: ToolContext | undefined;
  const answer = calls.run("tool x", { signal: client.signal, progress }, (context) => {
    seen = context;
    context.signal.addEventListener("abort", () => work.reject(context.signal.reason));
    return work.promise;
  });
  const context = () => seen ?? assert.fail("the work has not begun");
  return { client, work, answer, context };
}

/** Starts a call and lets it go on. */
async function startLong(calls: LongCalls, clock: FakeClock) {
  const call = start(calls);
  clock.advance(1_000);
  const { data } = await call.answer;
  return { ...call, id: String(data.job_id) };
}

pure("LongCalls.run() returns the answer of work that is done in time", async () => {
  const calls = new LongCalls(1_000, new FakeClock());
  const { work, answer } = start(calls);
  work.resolve(DONE);
  assert.equal(await answer, DONE);
  assert.deepEqual(calls.list(), []);
});

pure("LongCalls.run() passes on failure and cancellation while the client waits", async () => {
  const calls = new LongCalls(1_000, new FakeClock());
  const failing = start(calls);
  failing.work.reject(new RemoteExecError("io_error", "It failed", "Look"));
  await assert.rejects(failing.answer, /It failed/);
  const cancelled = start(calls);
  cancelled.client.abort(new Error("by the client"));
  await assert.rejects(cancelled.answer, /by the client/);
});

pure("LongCalls.run() waits for ever when early answers are off", async () => {
  const clock = new FakeClock();
  const { work, answer } = start(new LongCalls(0, clock));
  assert.equal(clock.waiting, 0);
  work.resolve(DONE);
  assert.equal(await answer, DONE);
});

pure(
  "LongCalls.run() answers that the work goes on, which the client then cannot cancel",
  async () => {
    const clock = new FakeClock();
    const calls = new LongCalls(1_000, clock);
    const steps: Progress[] = [];
    const { client, work, answer, context } = start(calls, (step) => void steps.push(step));
    context().progress?.({ progress: 1 });
    clock.advance(1_000);
    const { text, data } = await answer;
    assert.equal(data.running, true);
    assert.match(text, /goes on in this server as job srv-[0-9a-f]{12} and ends with the server/);
    client.abort();
    context().progress?.({ progress: 2 });
    assert.equal(context().signal.aborted, false);
    assert.deepEqual(steps, [{ progress: 1 }]);
    const id = String(data.job_id);
    clock.advance(500);
    const { state, runtimeMs, shown } = calls.get(id);
    assert.deepEqual([state, runtimeMs, shown], ["running", 1_500, "tool x"]);
    work.resolve(DONE);
    await calls.wait(id, 10_000, new AbortController().signal);
    const ended = calls.get(id);
    assert.deepEqual([ended.state, ended.text, ended.hasFailed], ["exited", "done", false]);
    assert.equal(clock.waiting, 0);
  },
);

pure("LongCalls keeps the failure of work that goes on", async () => {
  const clock = new FakeClock();
  const calls = new LongCalls(1_000, clock);
  const { work, id } = await startLong(calls, clock);
  work.reject(new RemoteExecError("io_error", "It failed", "Look"));
  await calls.wait(id, 10_000, new AbortController().signal);
  const { state, text, hasFailed } = calls.get(id);
  assert.deepEqual([state, hasFailed], ["exited", true]);
  assert.match(text, /^\[ERROR\] It failed/);
});

pure("LongCalls.stop() ends the work, and changes nothing of work that has ended", async () => {
  const clock = new FakeClock();
  const calls = new LongCalls(1_000, clock);
  const { id } = await startLong(calls, clock);
  assert.equal((await calls.stop(id, 5_000)).state, "stopped");
  const second = await startLong(calls, clock);
  second.work.resolve(DONE);
  await calls.wait(second.id, 10_000, new AbortController().signal);
  assert.equal((await calls.stop(second.id, 5_000)).state, "exited");
});

pure("LongCalls.wait() returns at its time and stops waiting with the caller", async () => {
  const clock = new FakeClock();
  const calls = new LongCalls(1_000, clock);
  const { id } = await startLong(calls, clock);
  const waiting = calls.wait(id, 10_000, new AbortController().signal);
  clock.advance(10_000);
  await waiting;
  const caller = new AbortController();
  const aborted = calls.wait(id, 10_000, caller.signal);
  caller.abort();
  await assert.rejects(aborted, { code: "cancelled" });
  await assert.rejects(calls.wait("srv-0", 1, caller.signal), { code: "not_found" });
});

pure("LongCalls forgets the oldest of many calls that have ended", async () => {
  const clock = new FakeClock();
  const calls = new LongCalls(1_000, clock);
  for (let count = 0; count < 55; count++) {
    const { work, id } = await startLong(calls, clock);
    work.resolve(DONE);
    await calls.wait(id, 10_000, new AbortController().signal);
  }
  await Promise.resolve();
  assert.equal(calls.list().length, 50);
});
