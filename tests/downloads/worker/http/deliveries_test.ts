import assert from "node:assert/strict";
import { Deliveries, type Delivery } from "../../../../src/downloads/worker/http/deliveries.ts";
import type { Visitor } from "../../../../src/downloads/worker/link.ts";
import { LinkStore } from "../../../../src/downloads/worker/link_store.ts";
import type { Content, Source } from "../../../../src/downloads/worker/sources/source.ts";
import { RemoteExecError } from "../../../../src/errors.ts";
import { createLogger } from "../../../../src/log.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { pure } from "../../../support/pure.ts";

const visitor = (hasRange: boolean, address = "10.0.0.1"): Visitor => ({
  address,
  userAgent: "curl/8",
  claimCookie: () => undefined,
  hasRange,
  isProgram: true,
  isPress: false,
});

/** A link whose openings a test ends one by one, in the order in which they came. */
function stalled() {
  const openings: PromiseWithResolvers<Content>[] = [];
  const source: Source = {
    kind: "file",
    origin: "host",
    name: "a",
    downloadName: "a",
    size: 10,
    sha256: "00",
    leftOut: { count: 0, names: [] },
    verify: () => Promise.resolve(),
    open() {
      const opening = Promise.withResolvers<Content>();
      openings.push(opening);
      return opening.promise;
    },
  };
  const store = new LinkStore(new FakeClock(), false, () => {}, 500);
  const deliveries = new Deliveries(store, createLogger("error", [], () => {}));
  const { link } = store.create(source, 60_000);
  const take = (from: Visitor) =>
    deliveries.take(link, from, {
      range: from.hasRange ? "bytes=0-4" : undefined,
      ifRange: undefined,
    });
  return { store, link, openings, take };
}

const unreachable = () => new RemoteExecError("unreachable", "No answer", "Wait");

async function* piece(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new Uint8Array(5));
}

const content = (): Content => ({ chunks: piece(), close: () => Promise.resolve() });

async function cancelled(delivery: Delivery): Promise<void> {
  assert.equal(delivery.kind, "content");
  if (delivery.kind === "content") await delivery.body?.cancel();
}

pure(
  "Deliveries keeps the claim of a failed request under which another one got content",
  async () => {
    const { store, link, openings, take } = stalled();
    const first = take(visitor(false));
    const second = take(visitor(true));
    openings[1]?.resolve(content());
    await cancelled(await second);
    openings[0]?.reject(unreachable());
    assert.equal((await first).kind, "unavailable");
    assert.equal(store.mayTake(link, visitor(false, "10.0.0.2")), false);
    store.close();
  },
);

pure(
  "Deliveries releases a claim after its last request, when all have failed",
  async () => {
    const { store, link, openings, take } = stalled();
    const first = take(visitor(false));
    const second = take(visitor(true));
    openings[0]?.reject(unreachable());
    assert.equal((await first).kind, "unavailable");
    assert.equal(store.mayTake(link, visitor(false, "10.0.0.2")), false);
    openings[1]?.reject(unreachable());
    assert.equal((await second).kind, "unavailable");
    assert.equal(store.mayTake(link, visitor(false, "10.0.0.2")), true);
    store.close();
  },
);
