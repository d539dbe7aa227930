import assert from "node:assert/strict";
import { RemoteExecError } from "../../src/errors.ts";
import { Calls } from "../../src/sandbox/calls.ts";
import { FakeTime } from "../support/fake_time.ts";

/** Calls whose cancellations are kept. */
function recorded() {
  const cancelled: number[] = [];
  const calls = new Calls((id) => {
    cancelled.push(id);
    return Promise.resolve();
  });
  return { calls, cancelled };
}

const noAnswer = (error: unknown) =>
  error instanceof RemoteExecError && error.code === "internal" &&
  error.message === "The module that does the work has not answered in time";

Deno.test("Calls.run() gives every call an id of its own and its answer", async () => {
  const { calls, cancelled } = recorded();
  const { signal } = new AbortController();
  const ids = await Promise.all(
    [1, 2, 3].map(() => calls.run(signal, 1000, Promise.resolve.bind(Promise))),
  );
  assert.equal(new Set(ids).size, 3);
  assert.deepEqual(cancelled, []);
});

Deno.test("Calls.run() tells the worker of a cancellation and waits for what it says", async () => {
  const { calls, cancelled } = recorded();
  const controller = new AbortController();
  const work = Promise.withResolvers<string>();
  let id = 0;
  const call = calls.run(controller.signal, undefined, (given) => {
    id = given;
    return work.promise;
  });
  controller.abort();
  assert.deepEqual(cancelled, [id]);
  work.resolve("stopped on the host");
  assert.equal(await call, "stopped on the host");
});

Deno.test("Calls.run() cancels a call that was cancelled before it began", async () => {
  const { calls, cancelled } = recorded();
  const id = await calls.run(AbortSignal.abort(), undefined, Promise.resolve.bind(Promise));
  assert.deepEqual(cancelled, [id]);
});

Deno.test("Calls.run() ends a call when the worker is silent beyond the call's limit", async () => {
  using time = new FakeTime();
  const { calls } = recorded();
  const never = new Promise<never>(() => {});
  const call = assert.rejects(
    calls.run(new AbortController().signal, 5_000, () => never),
    noAnswer,
  );
  time.tick(14_999);
  assert.equal(time.waiting, 1);
  time.tick(1);
  await call;
  assert.equal(time.waiting, 0);
});

Deno.test("Calls.run() ends a cancelled call when the worker is silent about it", async () => {
  using time = new FakeTime();
  const { calls } = recorded();
  const controller = new AbortController();
  const never = new Promise<never>(() => {});
  const call = assert.rejects(calls.run(controller.signal, undefined, () => never), noAnswer);
  controller.abort();
  time.tick(10_000);
  await call;
  assert.equal(time.waiting, 0);
});

Deno.test("Calls.run() leaves no timer and no listener behind", async () => {
  using time = new FakeTime();
  const { calls, cancelled } = recorded();
  const controller = new AbortController();
  await calls.run(controller.signal, 5_000, Promise.resolve.bind(Promise));
  assert.equal(time.waiting, 0);
  controller.abort();
  assert.deepEqual(cancelled, []);
});
