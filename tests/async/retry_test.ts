import assert from "node:assert/strict";
import type { Clock } from "../../src/async/clock.ts";
import { retry } from "../../src/async/retry.ts";
import { pure } from "../support/pure.ts";

/** A clock on which every wait is over at once; it notes how long each was. */
function instantClock(): Clock & { readonly waitsMs: number[] } {
  const waitsMs: number[] = [];
  return {
    waitsMs,
    now: () => 0,
    elapsed: () => 0,
    after(delayMs, action) {
      waitsMs.push(delayMs);
      queueMicrotask(action);
      return () => {};
    },
  };
}

const { signal } = new AbortController();

pure("retry() runs again after the pause that the error asks for", async () => {
  const clock = instantClock();
  let runs = 0;
  const work = () => ++runs < 3 ? Promise.reject(new Error(`${runs}`)) : Promise.resolve("done");
  const pauseMs = (_error: unknown, attempt: number) => attempt * 100;
  assert.equal(await retry(work, { attempts: 5, pauseMs, signal, clock }), "done");
  assert.deepEqual(clock.waitsMs, [100, 200]);
});

pure("retry() throws the last error when the attempts are used up", async () => {
  let runs = 0;
  const work = () => Promise.reject(new Error(`attempt ${++runs}`));
  const options = { attempts: 3, pauseMs: () => 0, signal, clock: instantClock() };
  await assert.rejects(retry(work, options), /attempt 3/);
});

pure("retry() throws a final error at once", async () => {
  let runs = 0;
  const work = () => Promise.reject(new Error(`attempt ${++runs}`));
  const options = { attempts: 3, pauseMs: () => undefined, signal, clock: instantClock() };
  await assert.rejects(retry(work, options), /attempt 1/);
});

pure("retry() throws the signal's reason when it is aborted", async () => {
  const aborted = { pauseMs: () => 0, attempts: 3, clock: instantClock() };
  const before = AbortSignal.abort(new Error("stopped"));
  await assert.rejects(retry(() => Promise.resolve(), { ...aborted, signal: before }), /stopped/);
  const controller = new AbortController();
  const work = () => {
    controller.abort(new Error("stopped"));
    return Promise.reject(new Error("broken"));
  };
  await assert.rejects(retry(work, { ...aborted, signal: controller.signal }), /stopped/);
});

pure("retry() ends its pause when the signal is aborted", async () => {
  const controller = new AbortController();
  const clock: Clock = {
    now: () => 0,
    elapsed: () => 0,
    after: () => {
      controller.abort(new Error("stopped"));
      return () => {};
    },
  };
  const options = { attempts: 3, pauseMs: () => 1_000, signal: controller.signal, clock };
  await assert.rejects(retry(() => Promise.reject(new Error("broken")), options), /stopped/);
});
