import assert from "node:assert/strict";
import { slices } from "../../src/async/slices.ts";
import { pure } from "../support/pure.ts";

pure("slices() lets timers and other work run while a loop goes on", async () => {
  const startedAt = performance.now();
  const endOfSlice = slices();
  let isOver = false;
  setTimeout(() => isOver = true, 0);
  let steps = 0;
  while (!isOver && performance.now() - startedAt < 30_000) {
    steps++;
    await endOfSlice();
  }
  assert.ok(isOver, `no timer ran within ${steps} steps`);
  assert.ok(steps > 1, "each step was a turn");
});
