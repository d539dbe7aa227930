import assert from "node:assert/strict";
import { stallLimit } from "../../src/async/stall_limit.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { pure } from "../support/pure.ts";

const late = (limitMs: number) => new Error(`nothing for ${limitMs} ms`);

/** Lets time pass in steps of one tick of a limit of 1,000 ms. */
function pass(clock: FakeClock, ms: number): void {
  for (let passed = 0; passed < ms; passed += 100) clock.advance(100);
}

pure("stallLimit() is aborted when nothing moves", () => {
  const clock = new FakeClock();
  using limit = stallLimit(1_000, { late, clock });
  pass(clock, 900);
  assert.equal(limit.signal.aborted, false);
  pass(clock, 200);
  assert.match(String(limit.signal.reason), /nothing for 1000 ms/);
});

pure("stallLimit() starts again with every step", () => {
  const clock = new FakeClock();
  using limit = stallLimit(1_000, { late, clock });
  for (let step = 0; step < 5; step++) {
    pass(clock, 900);
    limit.moved();
  }
  pass(clock, 1_000);
  assert.equal(limit.signal.aborted, false);
  pass(clock, 100);
  assert.equal(limit.signal.aborted, true);
});

pure("stallLimit() takes another length", () => {
  const clock = new FakeClock();
  using limit = stallLimit(1_000, { late, clock });
  pass(clock, 900);
  limit.allow(10_000);
  pass(clock, 9_900);
  assert.equal(limit.signal.aborted, false);
  pass(clock, 1_200);
  assert.match(String(limit.signal.reason), /nothing for 10000 ms/);
});

pure("stallLimit() follows the caller's signal and leaves no timer", () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  {
    using limit = stallLimit(1_000, { late, clock, signal: controller.signal });
    controller.abort(new Error("stopped"));
    assert.match(String(limit.signal.reason), /stopped/);
  }
  assert.equal(clock.waiting, 0);
});
