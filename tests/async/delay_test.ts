import assert from "node:assert/strict";
import { delay } from "../../src/async/delay.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { pure } from "../support/pure.ts";

pure("delay() ends after its time", async () => {
  const clock = new FakeClock();
  let isOver = false;
  const waiting = delay(1_000, { clock }).then(() => isOver = true);
  clock.advance(999);
  await Promise.resolve();
  assert.equal(isOver, false);
  clock.advance(1);
  await waiting;
});

pure("delay() rejects with the signal's reason and leaves no timer", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const waiting = delay(1_000, { clock, signal: controller.signal });
  controller.abort(new Error("stopped"));
  await assert.rejects(waiting, /stopped/);
  assert.equal(clock.waiting, 0);
});

pure("delay() uses the machine's clock by default", async () => await delay(0));
