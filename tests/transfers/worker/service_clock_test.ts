import assert from "node:assert/strict";
import { wrongClock } from "../../../src/transfers/errors.ts";
import { aheadMs } from "../../../src/transfers/worker/service_clock.ts";
import { pure } from "../../support/pure.ts";

const NOW = Date.UTC(2026, 10, 28, 12);
const dated = (ms: number, more: Record<string, string> = {}) =>
  new Headers({ date: new Date(ms).toUTCString(), ...more });

pure("aheadMs() compares the Date header, unless the response is from a cache", () => {
  assert.equal(aheadMs(dated(NOW - 1_200_000), NOW), 1_200_000);
  assert.equal(aheadMs(dated(NOW + 1_200_000), NOW), -1_200_000);
  assert.equal(aheadMs(dated(NOW - 1_200_000, { age: "1200" }), NOW), undefined);
  assert.equal(aheadMs(dated(NOW, { age: "0" }), NOW), 0);
  assert.equal(aheadMs(new Headers({ date: "soon" }), NOW), undefined);
  assert.equal(aheadMs(undefined, NOW), undefined);
});

pure("wrongClock() names the clock and the difference, and nothing below five minutes", () => {
  assert.equal(wrongClock("x", "imagekit", undefined), undefined);
  assert.equal(wrongClock("x", "imagekit", 299_999), undefined);
  const error = wrongClock("Cannot list", "imagekit", -1_200_000);
  assert.equal(
    error?.message,
    "Cannot list: the clock of this machine is 20 minutes behind ImageKit's",
  );
  assert.match(wrongClock("x", "r2", 1_200_000)?.message ?? "", /20 minutes ahead of/);
});
