import assert from "node:assert/strict";
import { RateLimit } from "../../src/downloads/rate_limit.ts";
import { FakeClock } from "./fake_clock.ts";

const pure = { permissions: "none" } as const;

Deno.test("RateLimit tells an address how long to wait when its share is used up", pure, () => {
  const clock = new FakeClock();
  const limit = new RateLimit(clock, 2, 60_000);
  limit.count("a");
  clock.advance(20_000);
  limit.count("a");
  assert.equal(limit.waitSeconds("a"), 40);
  clock.advance(39_500);
  assert.equal(limit.waitSeconds("a"), 1);
  clock.advance(500);
  assert.equal(limit.waitSeconds("a"), undefined);
});

Deno.test("RateLimit does not count one address for another", pure, () => {
  const limit = new RateLimit(new FakeClock(), 1, 60_000);
  limit.count("a");
  assert.equal(limit.waitSeconds("a"), 60);
  assert.equal(limit.waitSeconds("b"), undefined);
});

Deno.test("RateLimit forgets the oldest of more than 10,000 addresses", pure, () => {
  const limit = new RateLimit(new FakeClock(), 1, 60_000);
  for (let n = 0; n <= 10_000; n++) limit.count(`address ${n}`);
  assert.equal(limit.waitSeconds("address 0"), undefined);
  assert.equal(limit.waitSeconds("address 1"), 60);
  assert.equal(limit.waitSeconds("address 10000"), 60);
});
