import assert from "node:assert/strict";
import { cancelling } from "../../src/async/cancelling.ts";
import { RemoteExecError } from "../../src/errors.ts";
import { pure } from "../support/pure.ts";

pure("cancelling() uses the code cancelled for an abort without a reason", () => {
  const controller = new AbortController();
  const signal = cancelling(controller.signal);
  assert.equal(signal.aborted, false);
  controller.abort();
  assert.equal(signal.reason.code, "cancelled");
  assert.equal(cancelling(AbortSignal.abort()).reason.code, "cancelled");
});

pure("cancelling() keeps an error of the project", () => {
  const reason = new RemoteExecError("timeout", "too late", "Try again");
  assert.equal(cancelling(AbortSignal.abort(reason)).reason, reason);
});
