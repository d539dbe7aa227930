import assert from "node:assert/strict";
// @ts-types="@types/ssh2"
import type { Client } from "ssh2";
import {
  NO_RESPONSE_MS,
  whenUnresponsive,
} from "../../../../src/ssh/worker/connection/unresponsive.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { pure } from "../../../support/pure.ts";

/** Watches a connection whose bytes and clock the test sets. `asked` counts the requests to the host. */
function watch() {
  const clock = new FakeClock();
  const socket = { bytesRead: 0, destroyed: false };
  const seen = { asked: 0, ended: 0 };
  const protocol = { ping: () => seen.asked++ };
  // The parts that a ping needs.
  const client = { _callbacks: [], _protocol: protocol } as unknown as Client;
  const stop = whenUnresponsive(client, socket, () => seen.ended++, clock);
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) clock.advance(100);
  };
  return { clock, socket, seen, stop, pass };
}

pure(
  "whenUnresponsive() pings a silent host, and calls its action after three seconds without an answer",
  () => {
    const { clock, seen, pass } = watch();
    pass(NO_RESPONSE_MS - 100);
    assert.deepEqual(seen, { asked: 1, ended: 0 });
    pass(100);
    assert.deepEqual(seen, { asked: 1, ended: 1 });
    assert.equal(clock.waiting, 0);
  },
);

pure("whenUnresponsive() restarts its time limit with each answer, until it is stopped", () => {
  const { clock, socket, seen, stop, pass } = watch();
  for (let turn = 1; turn <= 3; turn++) {
    socket.bytesRead++;
    pass(NO_RESPONSE_MS);
    assert.deepEqual(seen, { asked: turn + 1, ended: 0 });
  }
  stop();
  pass(2 * NO_RESPONSE_MS);
  assert.equal(seen.ended, 0);
  assert.equal(clock.waiting, 0);
});

pure("whenUnresponsive() does not take a stop of this process for the host's silence", () => {
  const { clock, socket, seen, stop, pass } = watch();
  // All timers are late, and what has arrived is read only after them.
  clock.advance(10 * NO_RESPONSE_MS);
  assert.equal(seen.ended, 0);
  socket.bytesRead++;
  pass(NO_RESPONSE_MS);
  assert.equal(seen.ended, 0);
  stop();
});
