import assert from "node:assert/strict";
import { deadline, deadlineSignal, valueWithin } from "../../src/async/deadline.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { pure } from "../support/pure.ts";

const never = new Promise<never>(() => {});

pure("deadline() returns the value and leaves no timer", async () => {
  const clock = new FakeClock();
  assert.equal(await deadline(Promise.resolve(1), 1_000, { clock }), 1);
  assert.equal(clock.waiting, 0);
});

pure("deadline() rejects with a TimeoutError when the time is over", async () => {
  const clock = new FakeClock();
  const work = deadline(never, 1_000, { clock });
  clock.advance(1_000);
  await assert.rejects(work, { name: "TimeoutError" });
});

pure("deadline() rejects with the caller's own error", async () => {
  const clock = new FakeClock();
  const work = deadline(never, 1_000, { clock, late: () => new Error("too late") });
  clock.advance(1_000);
  await assert.rejects(work, /too late/);
});

pure("deadline() hands a late value to undo", async () => {
  const clock = new FakeClock();
  const work = Promise.withResolvers<string>();
  const undone = Promise.withResolvers<string>();
  const result = deadline(work.promise, 1_000, { clock, undo: undone.resolve });
  clock.advance(1_000);
  await assert.rejects(result);
  work.resolve("late");
  assert.equal(await undone.promise, "late");
});

pure("deadline() rejects with the reason of an abort before", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const work = deadline(never, 1_000, { clock, signal: controller.signal });
  controller.abort(new Error("stopped"));
  await assert.rejects(work, /stopped/);
  assert.equal(clock.waiting, 0);
});

pure("deadline() aborts the signal of its work", async () => {
  const clock = new FakeClock();
  let seen: AbortSignal | undefined;
  const work = deadline(
    (signal) => {
      seen = signal;
      return never;
    },
    1_000,
    { clock },
  );
  clock.advance(1_000);
  await assert.rejects(work);
  assert.equal(seen?.aborted, true);
});

pure("deadline() lets the work's signal follow the caller's after the work is done", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const inner = await deadline((both) => Promise.resolve(both), 1_000, {
    clock: new FakeClock(),
    signal,
  });
  controller.abort(new Error("stopped"));
  assert.match(String(inner.reason), /stopped/);
});

pure("deadlineSignal() is not aborted once it is disposed of", async () => {
  const clock = new FakeClock();
  const { signal } = await Promise.resolve().then(() => {
    using limit = deadlineSignal(1_000, { clock });
    return limit;
  });
  clock.advance(1_000);
  assert.equal(signal.aborted, false);
  assert.equal(clock.waiting, 0);
});

pure("valueWithin() returns the value, or undefined when the time is over", async () => {
  const clock = new FakeClock();
  assert.equal(await valueWithin(Promise.resolve(1), 1_000, clock), 1);
  const late = valueWithin(never, 1_000, clock);
  clock.advance(1_000);
  assert.equal(await late, undefined);
  assert.equal(clock.waiting, 0);
});

pure("valueWithin() rejects with the promise's error", async () => {
  const failed = Promise.reject(new Error("broken"));
  await assert.rejects(valueWithin(failed, 1_000, new FakeClock()), /broken/);
});
