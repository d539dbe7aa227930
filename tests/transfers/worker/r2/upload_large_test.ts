// @process: it measures the memory of this process.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { systemClock } from "../../../../src/async/clock.ts";
import { R2Bridge } from "../../../../src/transfers/worker/r2/r2_bridge.ts";
import { call } from "../../../contracts/bridge.ts";
import { peerTest, SWIFT } from "../../../peers/require.ts";
import { startR2 } from "./rig.ts";
import { nameFor, silent } from "./fixture.ts";

const FULL = Deno.env.get("LARGE_TESTS") === "1";
/** 1 GB takes about 18 s on two cores; the smaller size shows the same memory use. */
const SIZE = FULL ? 1_000_000_000 : 400_000_000;
/** Buffers, their copies, and what the garbage collector has not freed yet; measured 150 MB. */
const MAX_MEMORY = 330_000_000;
const CHUNK = crypto.getRandomValues(new Uint8Array(65_536));

peerTest({
  peer: SWIFT,
  name: `put() and open() carry ${SIZE / 1e6} MB in flat memory`,
  async fn() {
    await using rig = await startR2();
    const tools = { fetch, clock: systemClock, logger: silent };
    const bridge = new R2Bridge(rig.config, tools);
    const name = nameFor("large.bin");
    const memory = watchMemory();
    const expected = await hashOf(generated());
    const source = {
      label: "large.bin",
      size: SIZE,
      maxBytes: SIZE,
      stream: generated(memory.look),
      sha256: () => Promise.resolve(expected),
    };
    const put = await bridge.put({ name, metadata: {} }, source, call());
    assert.deepEqual([put.sha256, put.object.size], [expected, SIZE]);
    const { stream, sha256 } = await bridge.open({ name }, SIZE, call());
    assert.deepEqual([await hashOf(stream, memory.look), sha256], [expected, expected]);
    assert.ok(memory.growth() < MAX_MEMORY, `${memory.growth()} bytes`);
  },
});

/** Returns the same bytes each time, in small chunks. */
function generated(look: () => void = () => {}): ReadableStream<Uint8Array> {
  let rest = SIZE;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (rest === 0) return controller.close();
      look();
      const chunk = CHUNK.slice(0, rest);
      rest -= chunk.length;
      controller.enqueue(chunk);
    },
  }, { highWaterMark: 0 });
}

async function hashOf(stream: ReadableStream<Uint8Array>, look: () => void = () => {}) {
  const hash = createHash("sha256");
  for await (const chunk of stream) {
    look();
    hash.update(chunk);
  }
  return hash.digest("hex");
}

function watchMemory() {
  const before = Deno.memoryUsage().rss;
  let [most, looks] = [before, 0];
  return {
    look() {
      if (++looks % 64 === 0) most = Math.max(most, Deno.memoryUsage().rss);
    },
    growth: () => most - before,
  };
}
