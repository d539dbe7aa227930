import assert from "node:assert/strict";
import { pooledMap } from "../../src/async/pooled_map.ts";
import { pure } from "../support/pure.ts";

pure("pooledMap() keeps the order and never does more at once than it may", async () => {
  let [now, most] = [0, 0];
  const doubled = await pooledMap([3, 1, 2, 5, 4], 2, async (item) => {
    most = Math.max(most, ++now);
    for (let turn = 0; turn < item; turn += 1) await Promise.resolve();
    now -= 1;
    return item * 2;
  });
  assert.deepEqual(doubled, [6, 2, 4, 10, 8]);
  assert.equal(most, 2);
});

pure("pooledMap() begins nothing more after a failure", async () => {
  const begun: number[] = [];
  const slow = Promise.withResolvers<void>();
  const done = pooledMap([0, 1, 2, 3], 2, async (item) => {
    begun.push(item);
    if (item === 0) throw new Error("refused");
    await slow.promise;
  });
  await assert.rejects(done, /refused/);
  slow.resolve();
  await slow.promise;
  await Promise.resolve();
  assert.deepEqual(begun, [0, 1]);
});
