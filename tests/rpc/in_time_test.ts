import assert from "node:assert/strict";
import { RemoteExecError } from "../../src/errors.ts";
import { inTime } from "../../src/rpc/in_time.ts";
import { FakeClock } from "../support/fake_clock.ts";

const noAnswer = (error: unknown) =>
  error instanceof RemoteExecError && error.code === "internal" &&
  error.message === "The worker did not answer in time";

const never = new Promise<never>(() => {});

Deno.test("inTime() waits for the answer of a cancelled call", async () => {
  const controller = new AbortController();
  const work = Promise.withResolvers<string>();
  const call = inTime(controller.signal, undefined, work.promise);
  controller.abort();
  work.resolve("stopped on the host");
  assert.equal(await call, "stopped on the host");
});

Deno.test("inTime() ends a call when the worker is silent beyond the call's limit", async () => {
  const clock = new FakeClock();
  const call = assert.rejects(
    inTime(new AbortController().signal, 5_000, never, 0, clock),
    noAnswer,
  );
  clock.advance(14_999);
  assert.equal(clock.waiting, 1);
  clock.advance(1);
  await call;
  assert.equal(clock.waiting, 0);
});

Deno.test("inTime() ends a cancelled call when the worker is silent about it", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const call = assert.rejects(inTime(controller.signal, undefined, never, 0, clock), noAnswer);
  const before = assert.rejects(inTime(AbortSignal.abort(), undefined, never, 0, clock), noAnswer);
  controller.abort();
  clock.advance(10_000);
  await Promise.all([call, before]);
  assert.equal(clock.waiting, 0);
});

Deno.test("inTime() leaves no timer and no listener behind", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  await inTime(controller.signal, 5_000, Promise.resolve(), 0, clock);
  assert.equal(clock.waiting, 0);
  controller.abort();
  assert.equal(clock.waiting, 0);
});

Deno.test("inTime() adds a call's own grace period to its limit", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const call = assert.rejects(inTime(controller.signal, undefined, never, 30_000, clock), noAnswer);
  controller.abort();
  clock.advance(39_999);
  assert.equal(clock.waiting, 1);
  clock.advance(1);
  await call;
});
