import assert from "node:assert/strict";
import { RunningCalls } from "../../src/mcp/running_calls.ts";
import { pure } from "../support/pure.ts";

/** A call that returns its text when it is cancelled. */
const untilCancelled = (text: string) => (signal: AbortSignal) =>
  new Promise<string>((resolve) => signal.addEventListener("abort", () => resolve(text)));

const never = () => new Promise<string>(() => {});
const abandoned = () => "abandoned";
const calm = () => new AbortController().signal;

pure("RunningCalls returns what a call returns", async () => {
  const calls = new RunningCalls<string>();
  assert.equal(await calls.run(calm(), () => Promise.resolve("done"), abandoned), "done");
  await assert.rejects(calls.run(calm(), () => Promise.reject(new TypeError("no")), abandoned));
});

pure("RunningCalls cancels a call with its own signal, or all calls", async () => {
  const calls = new RunningCalls<string>();
  const controller = new AbortController();
  const first = calls.run(controller.signal, untilCancelled("first"), abandoned);
  const second = calls.run(calm(), untilCancelled("second"), abandoned);
  controller.abort();
  assert.equal(await first, "first");
  calls.cancel();
  assert.equal(await second, "second");
  const early = calls.run(
    AbortSignal.abort(),
    ({ aborted }) => Promise.resolve(`${aborted}`),
    abandoned,
  );
  assert.equal(await early, "true");
});

pure("RunningCalls answers for a call that does not return", async () => {
  const calls = new RunningCalls<string>();
  const call = calls.run(calm(), never, abandoned);
  calls.cancel();
  calls.abandon();
  assert.equal(await call, "abandoned");
});
