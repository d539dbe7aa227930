import assert from "node:assert/strict";
import { RateLimit } from "../../../../src/downloads/worker/http/rate_limit.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { pure } from "../../../support/pure.ts";

pure("RateLimit returns how long an address has to wait after its limit", () => {
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

pure("RateLimit does not count one address for another", () => {
  const limit = new RateLimit(new FakeClock(), 1, 60_000);
  limit.count("a");
  assert.equal(limit.waitSeconds("a"), 60);
  assert.equal(limit.waitSeconds("b"), undefined);
});

pure("RateLimit forgets the oldest of more than 10,000 addresses", () => {
  const limit = new RateLimit(new FakeClock(), 1, 60_000);
  for (let n = 0; n <= 10_000; n++) limit.count(`address ${n}`);
  assert.equal(limit.waitSeconds("address 0"), undefined);
  assert.equal(limit.waitSeconds("address 1"), 60);
  assert.equal(limit.waitSeconds("address 10000"), 60);
});

pure("RateLimit counts the IPv6 addresses of one /64 together", () => {
  const limit = new RateLimit(new FakeClock(), 1, 60_000);
  limit.count("2001:db8:0:1::5");
  for (
    const address of ["2001:db8:0:1:ffff:2:3:4", "2001:0DB8::1:0:0:0:9", "2001:db8:0:1::5%eth0"]
  ) {
    assert.equal(limit.waitSeconds(address), 60, address);
  }
  for (const address of ["2001:db8:0:2::5", "::1", "2001:db8::1", "::ffff:10.0.0.1"]) {
    assert.equal(limit.waitSeconds(address), undefined, address);
  }
  limit.count("::ffff:10.0.0.1");
  assert.equal(limit.waitSeconds("::ffff:a00:1"), 60);
  assert.equal(limit.waitSeconds("::ffff:10.0.0.2"), undefined);
});

pure("RateLimit lets an address in again after its time when the clock is set back", () => {
  const clock = new FakeClock();
  const limit = new RateLimit(clock, 1, 60_000);
  limit.count("10.0.0.1");
  clock.jump(-3_600_000);
  assert.equal(limit.waitSeconds("10.0.0.1"), 60);
  clock.advance(60_000);
  assert.equal(limit.waitSeconds("10.0.0.1"), undefined);
});
