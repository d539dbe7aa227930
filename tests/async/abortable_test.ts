import assert from "node:assert/strict";
import { abortable } from "../../src/async/abortable.ts";
import { pure } from "../support/pure.ts";

pure("abortable() returns the promise's value", async () => {
  assert.equal(await abortable(Promise.resolve(1), new AbortController().signal), 1);
});

pure("abortable() rejects with the signal's reason as soon as it is aborted", async () => {
  const controller = new AbortController();
  const result = abortable(new Promise(() => {}), controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(result, /enough/);
  await assert.rejects(abortable(Promise.resolve(1), controller.signal), /enough/);
});

pure("abortable() hands a late value to undo", async () => {
  const controller = new AbortController();
  const work = Promise.withResolvers<string>();
  const undone = Promise.withResolvers<string>();
  const result = abortable(work.promise, controller.signal, undone.resolve);
  controller.abort();
  await assert.rejects(result);
  work.resolve("late");
  assert.equal(await undone.promise, "late");
});

pure("abortable() ignores an error of the work after the abort", async () => {
  const controller = new AbortController();
  const work = Promise.withResolvers<void>();
  const result = abortable(work.promise, controller.signal);
  controller.abort(new Error("first"));
  await assert.rejects(result, /first/);
  work.reject(new Error("second"));
  await Promise.resolve();
});
