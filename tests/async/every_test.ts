import assert from "node:assert/strict";
import { every } from "../../src/async/every.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { pure } from "../support/pure.ts";

pure("every() runs after each interval until it is stopped", () => {
  const clock = new FakeClock();
  let runs = 0;
  const stop = every(clock, 1_000, () => runs++);
  clock.advance(999);
  assert.equal(runs, 0);
  clock.advance(1);
  clock.advance(1_000);
  assert.equal(runs, 2);
  stop();
  clock.advance(5_000);
  assert.equal(runs, 2);
  assert.equal(clock.waiting, 0);
});

pure("every() can be stopped by its own action", () => {
  const clock = new FakeClock();
  let runs = 0;
  const stop = every(clock, 1_000, () => {
    if (++runs === 2) stop();
  });
  clock.advance(1_000);
  clock.advance(1_000);
  assert.equal(runs, 2);
  assert.equal(clock.waiting, 0);
});
