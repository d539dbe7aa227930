import assert from "node:assert/strict";
import { loadedOnce } from "../../src/async/loaded_once.ts";

Deno.test("loadedOnce() loads once for all calls, also for those at the same time", async () => {
  let count = 0;
  const load = loadedOnce(() => Promise.resolve(++count));
  assert.deepEqual(await Promise.all([load(), load()]), [1, 1]);
  assert.equal(await load(), 1);
});

Deno.test("loadedOnce() loads again after a failure, which all calls of that time get", async () => {
  let count = 0;
  const load = loadedOnce(async () => {
    await Promise.resolve();
    if (++count === 1) throw new Error("too many open files");
    return count;
  });
  const first = await Promise.allSettled([load(), load()]);
  assert.deepEqual(first.map(({ status }) => status), ["rejected", "rejected"]);
  assert.deepEqual(await Promise.all([load(), load()]), [2, 2]);
});
