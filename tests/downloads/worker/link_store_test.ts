import assert from "node:assert/strict";
import { LinkStore, MAX_OPEN_LINKS } from "../../../src/downloads/worker/link_store.ts";
import { newSecret, type Visitor } from "../../../src/downloads/worker/link.ts";
import type { LinkEvent } from "../../../src/downloads/port.ts";
import type { Source } from "../../../src/downloads/worker/sources/source.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { pure } from "../../support/pure.ts";

const SOURCE: Source = {
  kind: "file",
  origin: "local",
  name: "a.txt",
  downloadName: "a.txt",
  size: 10,
  sha256: "00",
  leftOut: { count: 0, names: [] },
  verify: () => Promise.resolve(),
  open: () => Promise.reject(new Error("not opened here")),
};

function newStore(bindAddress = false) {
  const clock = new FakeClock();
  const events: LinkEvent[] = [];
  const store = new LinkStore(clock, bindAddress, (event) => events.push(event), 500);
  return { clock, events, store };
}

const visitor = (more: Partial<Visitor> = {}): Visitor => ({
  address: "10.0.0.1",
  userAgent: "curl/8",
  claimCookie: () => undefined,
  hasRange: false,
  isProgram: true,
  isPress: false,
  ...more,
});

pure("LinkStore keeps no token", () => {
  const { store, events } = newStore();
  const { token, link } = store.create(SOURCE, 60_000);
  const kept = JSON.stringify([link, store.report(), events]);
  assert.equal(kept.includes(token), false);
  assert.equal(store.find(token), link);
  assert.equal(store.find(newSecret()), undefined);
});

pure("LinkStore lets only the claimant have a claimed link", () => {
  const { store } = newStore();
  const { link } = store.create(SOURCE, 60_000);
  const secret = store.claim(link, visitor());
  assert.equal(store.mayTake(link, visitor()), false);
  assert.equal(store.mayTake(link, visitor({ hasRange: true })), true);
  assert.equal(store.mayTake(link, visitor({ hasRange: true, address: "10.0.0.2" })), false);
  assert.equal(store.mayTake(link, visitor({ hasRange: true, userAgent: "wget" })), false);
  const moved = { address: "10.0.0.9", claimCookie: () => secret };
  assert.equal(store.mayTake(link, visitor(moved)), true);
  assert.equal(
    store.mayTake(link, visitor({ claimCookie: () => newSecret(), hasRange: true })),
    false,
  );
});

pure("LinkStore binds a claim to its address if configured, cookie or not", () => {
  const { store } = newStore(true);
  const { link } = store.create(SOURCE, 60_000);
  const secret = store.claim(link, visitor());
  assert.equal(store.mayTake(link, visitor({ claimCookie: () => secret })), true);
  const moved = { address: "10.0.0.9", claimCookie: () => secret };
  assert.equal(store.mayTake(link, visitor(moved)), false);
});

pure("LinkStore counts each link once: active, used or expired", () => {
  const { store, clock } = newStore();
  const make = () => store.create(SOURCE, 60_000).link;
  store.end(make(), "used");
  store.end(make(), "changed");
  store.revoke(make().id);
  make();
  assert.deepEqual(store.report().statistics, { total: 4, active: 1, used: 2, expired: 1 });
  clock.advance(60_000);
  assert.deepEqual(store.report().statistics, { total: 4, active: 0, used: 2, expired: 2 });
});

pure(
  "LinkStore sweeps what has expired without being asked, and its counts stay",
  () => {
    const { store, clock, events } = newStore();
    store.create(SOURCE, 60_000);
    assert.equal(clock.waiting, 1);
    clock.advance(299_999);
    assert.equal(events.length, 1);
    clock.advance(1);
    assert.equal(events.at(-1)?.action, "expired");
    assert.equal(clock.waiting, 0);
    assert.deepEqual(store.report().statistics, { total: 1, active: 0, used: 0, expired: 1 });
  },
);

pure(
  "LinkStore lets a download that runs at the expiry go on, and nobody else begin",
  () => {
    const { store, clock } = newStore();
    const { token, link } = store.create(SOURCE, 60_000);
    store.claim(link, visitor());
    link.running = 1;
    clock.advance(60_000);
    assert.equal(store.find(token), undefined);
    assert.equal(store.report().statistics.active, 1);
    store.end(link, "used");
    assert.deepEqual(store.report().statistics, { total: 1, active: 0, used: 1, expired: 0 });
  },
);

pure("LinkStore refuses more than 100 open links", () => {
  const { store, clock } = newStore();
  for (let n = 0; n < MAX_OPEN_LINKS; n++) store.create(SOURCE, 60_000);
  assert.throws(() => store.create(SOURCE, 60_000), { code: "limit_reached" });
  clock.advance(60_000);
  store.create(SOURCE, 60_000);
  assert.equal(store.report().statistics.active, 1);
});

pure("LinkStore refuses to revoke what is not open", () => {
  const { store } = newStore();
  const { link } = store.create(SOURCE, 60_000);
  store.revoke(link.id);
  assert.equal(link.abort.signal.aborted, true);
  assert.throws(() => store.revoke(link.id), { code: "not_found" });
});

pure(
  "LinkStore ends a link in time when the clock is set back, and at its expiry when it is set forward",
  () => {
    const [back, forward] = [newStore(), newStore()];
    const [late, early] = [back, forward].map(({ store }) => store.create(SOURCE, 60_000));
    assert.ok(late && early);
    back.clock.jump(-3_600_000);
    assert.equal(back.store.find(late.token), late.link);
    back.clock.advance(60_000);
    assert.equal(back.store.find(late.token), undefined);
    assert.equal(back.store.report().statistics.expired, 1);
    forward.clock.jump(60_000);
    assert.equal(forward.store.find(early.token), undefined);
  },
);
