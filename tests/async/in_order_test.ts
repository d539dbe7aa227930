import assert from "node:assert/strict";
import { InOrder } from "../../src/async/in_order.ts";
import { pure } from "../support/pure.ts";

const never = new AbortController().signal;

pure("InOrder runs tasks of one key one after the other, also after a failure", async () => {
  const order = new InOrder();
  const seen: string[] = [];
  const first = Promise.withResolvers<void>();
  const tasks = [
    order.run("a", async () => {
      await first.promise;
      seen.push("a1");
      throw new Error("fails");
    }, never),
    order.run("a", () => Promise.resolve(seen.push("a2")), never),
    order.run("b", () => Promise.resolve(seen.push("b")), never),
  ];
  await tasks[2];
  first.resolve();
  await assert.rejects(tasks[0] ?? assert.fail(), /fails/);
  await tasks[1];
  assert.deepEqual(seen, ["b", "a1", "a2"]);
});

pure(
  "InOrder leaves out a task whose signal is aborted, and keeps the order of the others",
  async () => {
    const order = new InOrder();
    const seen: string[] = [];
    const first = Promise.withResolvers<void>();
    const controller = new AbortController();
    const running = order.run("a", () => first.promise, never);
    const left = order.run("a", () => Promise.resolve(seen.push("left")), controller.signal);
    const last = order.run("a", () => Promise.resolve(seen.push("last")), never);
    controller.abort(new Error("stop"));
    await assert.rejects(left, /stop/);
    assert.deepEqual(seen, []);
    first.resolve();
    await Promise.all([running, last]);
    assert.deepEqual(seen, ["last"]);
  },
);
