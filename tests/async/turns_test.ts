import assert from "node:assert/strict";
import { Turns } from "../../src/async/turns.ts";
import { pure } from "../support/pure.ts";

pure("Turns runs at most so many tasks at a time, in order", async () => {
  const turns = new Turns(3);
  const started: number[] = [];
  let running = 0;
  let most = 0;
  const signal = new AbortController().signal;
  await Promise.all(Array.from({ length: 10 }, (_, index) =>
    turns.run(async () => {
      started.push(index);
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
    }, signal)));
  assert.deepEqual([most, started], [3, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]);
});

pure("Turns gives the turn of a task that was cancelled or failed to the next", async () => {
  const turns = new Turns(1);
  const { promise, resolve } = Promise.withResolvers<void>();
  const never = new AbortController().signal;
  const first = turns.run(() => promise, never);
  const cancel = new AbortController();
  const second = turns.run(() => Promise.reject(new Error("not run")), cancel.signal);
  const third = turns.run(() => Promise.reject(new Error("failed")), never);
  const fourth = turns.run(() => Promise.resolve("ran"), never);
  cancel.abort(new Error("cancelled"));
  await assert.rejects(second, /cancelled/);
  resolve();
  await first;
  await assert.rejects(third, /failed/);
  assert.equal(await fourth, "ran");
});
