// @timed: its commands must start and stop within seconds.
import assert from "node:assert/strict";
import type { ExecOutcome } from "../../src/ssh/port.ts";
import { startDelayProxy } from "./delay_proxy.ts";
import { ACCOUNTS, ENDLESS, FEW } from "./endless.ts";
import {
  alive,
  execTimedOut,
  furnish,
  guardsOf,
  LOGIN_KINDS,
  newTag,
  openSession,
  tagged,
  type TestSession,
  untilAllAlive,
  untilGone,
  untilGuarded,
  untilStarted,
} from "./openssh.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { until } from "../support/until.ts";
import { aliveWithMarker, processesOf } from "./processes.ts";
import { peerTest, SSHD } from "./require.ts";
import { startSshd } from "./sshd.ts";

/** The limit of commands under a clock that stands still; also the max time for starting them. */
const TIMEOUT_MS = 60_000;
/** So many commands of a test expire at once. For each, the guard looks at all processes of this machine. */
const AT_ONCE = 4;

/** Runs a command into its time limit, beside `others` that run already and have a longer one. */
async function pipelineTimedOut(
  session: TestSession,
  clock: FakeClock,
  others = 0,
): Promise<ExecOutcome> {
  const tag = newTag();
  const running = session.exec(tagged(tag, "sleep 4000 | cat"), { timeoutMs: TIMEOUT_MS });
  await untilAllAlive([{ tag, count: 3 }]);
  await untilStarted(clock, others + 1);
  clock.advance(TIMEOUT_MS);
  const outcome = await running;
  assert.deepEqual(alive(tag), []);
  return outcome;
}

for (const kind of LOGIN_KINDS) {
  peerTest({
    peer: [SSHD, ...kind.peers],
    name: `exec() leaves nothing running after a timeout (${kind.name})`,
    async fn() {
      await using sshd = await startSshd(kind.options);
      await furnish(sshd, kind);
      const clock = new FakeClock();
      await using session = await openSession(sshd, { clock });
      await session.exec("true");
      const started = ENDLESS.map(({ what, script, count }, index) => {
        const tag = newTag();
        const timeoutMs = TIMEOUT_MS + Math.floor(index / AT_ONCE);
        const running = session.exec(tagged(tag, script), { timeoutMs });
        return { what, tag, count, running };
      });
      await untilAllAlive(started);
      await untilStarted(clock, started.length);
      clock.advance(TIMEOUT_MS);
      for (let from = 0; from < started.length; from += AT_ONCE) {
        const late = started.slice(from, from + AT_ONCE);
        await Promise.all(late.map(async ({ what, tag, running }) => {
          const outcome = await running;
          const view = { what, ending: outcome.ending, processEnded: outcome.processEnded };
          assert.deepEqual(view, { what, ending: "timeout", processEnded: true });
          assert.deepEqual(alive(tag), [], what);
        }));
        clock.advance(1);
      }
    },
  });
}

peerTest({
  peer: SSHD,
  name: "exec() leaves nothing of a chain of processes that each start the next one and end",
  async fn() {
    await using sshd = await startSshd();
    const clock = new FakeClock();
    await using session = await openSession(sshd, { clock });
    await session.exec("true");
    const tag = newTag();
    const line = tagged(tag, "hop() { sleep 0.003; hop & }; hop & sleep 4000");
    const { processEnded } = await execTimedOut(session, clock, { tag, line, count: 2 });
    assert.equal(processEnded, true);
    assert.deepEqual(alive(tag), []);
  },
});

interface Started {
  readonly tag: string;
  readonly outcome: Promise<ExecOutcome>;
}

/** Starts commands that do not end by themselves and waits until all their processes run. */
async function startAll(
  session: TestSession,
  signal?: AbortSignal,
  scripts = FEW,
): Promise<Started[]> {
  const started = scripts.map(({ script, count }) => {
    const tag = newTag();
    const outcome = session.exec(tagged(tag, script), { timeoutMs: 60_000 }, signal);
    return { tag, count, outcome };
  });
  await untilAllAlive(started);
  // The host reports the starts in order, so after this command all are known here too.
  await session.exec("true");
  return started;
}

for (const loginUser of ACCOUNTS) {
  peerTest({
    peer: SSHD,
    name: `exec() leaves nothing running after a cancellation (${loginUser})`,
    async fn() {
      await using sshd = await startSshd({ loginUser });
      await using session = await openSession(sshd);
      const controller = new AbortController();
      const started = await startAll(session, controller.signal);
      controller.abort();
      for (const { tag, outcome } of started) {
        const { ending, processEnded } = await outcome;
        assert.deepEqual([ending, processEnded], ["cancelled", true]);
        assert.deepEqual(alive(tag), []);
      }
    },
  });

  peerTest({
    peer: SSHD,
    name: `exec() leaves nothing running when it is cancelled while it starts (${loginUser})`,
    async fn() {
      await using sshd = await startSshd({ loginUser });
      await using session = await openSession(sshd);
      await session.exec("true");
      const tag = newTag();
      const script = tagged(tag, "sleep 4000 & sleep 4000");
      for (let delayMs = 0; delayMs < 24; delayMs += 2) {
        const signal = AbortSignal.timeout(delayMs);
        await Promise.allSettled([1, 2, 3].map(() => session.exec(script, {}, signal)));
      }
      await untilGone(tag);
      assert.equal((await session.exec("echo well")).stdout.text, "well\n");
    },
  });

  peerTest({
    peer: SSHD,
    name: `close() leaves nothing running and reports that it is confirmed (${loginUser})`,
    async fn() {
      await using sshd = await startSshd({ loginUser });
      const session = await openSession(sshd);
      const started = await startAll(session, undefined, FEW);
      const startedAt = performance.now();
      assert.equal(await session.close(10_000), true);
      assert.ok(performance.now() - startedAt < 20_000);
      for (const { tag, outcome } of started) {
        assert.deepEqual(alive(tag), []);
        // TERM may end it before the connection closes.
        assert.match((await outcome).ending, /^(signal|connection_lost)$/);
      }
    },
  });

  peerTest({
    peer: SSHD,
    name: `a cut link leaves nothing running on the host (${loginUser})`,
    async fn() {
      await using sshd = await startSshd({ loginUser });
      await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 0 });
      await using session = await openSession(sshd, { port: proxy.port });
      const started = await startAll(session);
      await untilGuarded(sshd.marker);
      proxy.cut();
      await Promise.all(started.map(({ tag }) => untilGone(tag)));
      for (const { outcome } of started) assert.equal((await outcome).ending, "connection_lost");
      await until("the end of the guard", () => aliveWithMarker(sshd.marker).length === 0);
    },
  });

  peerTest({
    peer: SSHD,
    name:
      `exec() lets a daemon live that a command has left, whatever happens later (${loginUser})`,
    async fn() {
      await using sshd = await startSshd({ loginUser });
      await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 0 });
      const clock = new FakeClock();
      const session = await openSession(sshd, { port: proxy.port, clock });
      const scripts = [
        "nohup sleep 4000 >/dev/null 2>&1 &",
        "sleep 4000 >/dev/null 2>&1 </dev/null &",
        "setsid sleep 4000 >/dev/null 2>&1 </dev/null &",
        "set -m; sleep 4000 & echo its output is still open",
      ];
      const tags = await Promise.all(scripts.map(async (script) => {
        const tag = newTag();
        assert.equal((await session.exec(tagged(tag, script))).exitCode, 0);
        return tag;
      }));
      const { processEnded } = await pipelineTimedOut(session, clock);
      assert.equal(processEnded, true);
      const isLiving = () => tags.every((tag) => alive(tag).length === 1);
      assert.ok(isLiving(), "after another command's timeout");
      proxy.cut();
      await until("the end of the guard", () => guardsOf(sshd.marker).length === 0);
      assert.ok(isLiving(), "after a cut");
      assert.equal((await session.exec("true")).exitCode, 0);
      assert.equal(await session.close(30_000), true);
      assert.ok(isLiving(), "after the end of the session");
    },
  });

  peerTest({
    peer: SSHD,
    name: `exec() stops one command of many and affects no other and no transfer (${loginUser})`,
    async fn() {
      await using sshd = await startSshd({ loginUser });
      const clock = new FakeClock();
      await using session = await openSession(sshd, { clock });
      await session.file("big", new Uint8Array(20_000_000));
      const go = `${sshd.home}/go`;
      const waiting = `while [ ! -e ${go} ]; do sleep 0.05; done; echo done`;
      const unlimited = { timeoutMs: 10 * TIMEOUT_MS };
      const others = Array.from({ length: 7 }, () => session.exec(waiting, unlimited));
      const transfer = session.upload("big", "big");
      const late = await pipelineTimedOut(session, clock, others.length);
      assert.deepEqual([late.ending, late.processEnded], ["timeout", true]);
      await Deno.writeTextFile(go, "");
      for (const other of await Promise.all(others)) {
        assert.deepEqual([other.ending, other.exitCode, other.stdout.text], ["exit", 0, "done\n"]);
      }
      assert.equal((await transfer).bytes, 20_000_000);
    },
  });

  peerTest({
    peer: SSHD,
    name: `exec() stops exactly those of 50 commands whose time limit has expired (${loginUser})`,
    async fn() {
      await using sshd = await startSshd({ loginUser });
      const clock = new FakeClock();
      await using session = await openSession(sshd, { clock });
      const go = `${sshd.home}/go`;
      const runs = Array.from({ length: 50 }, (_, index) => {
        const isLate = index % 3 === 0;
        const tag = newTag();
        const script = isLate
          ? "sleep 4000 & sleep 4000 | cat"
          : `while [ ! -e ${go} ]; do sleep 0.2; done; exit ${index}`;
        const timeoutMs = isLate ? TIMEOUT_MS + index : 10 * TIMEOUT_MS;
        const outcome = session.exec(tagged(tag, script), { timeoutMs });
        return { index, isLate, tag, count: isLate ? 4 : 1, outcome };
      });
      await untilAllAlive(runs);
      await untilStarted(clock, runs.length);
      // The time limits expire one after the other, while the first commands are being stopped.
      clock.advance(TIMEOUT_MS);
      for (let index = 0; index < runs.length; index++) {
        await new Promise((resolve) => setTimeout(resolve));
        clock.advance(1);
      }
      for (const { isLate, tag, outcome } of runs) {
        if (!isLate) continue;
        const { ending, processEnded } = await outcome;
        assert.deepEqual([ending, processEnded], ["timeout", true]);
        assert.deepEqual(alive(tag), []);
      }
      await Deno.writeTextFile(go, "");
      for (const { index, isLate, outcome } of runs) {
        if (!isLate) assert.deepEqual((await outcome).exitCode, index);
      }
    },
  });

  peerTest({
    peer: SSHD,
    name:
      `exec() stops a command also when all sessions of the connection are taken (${loginUser})`,
    async fn() {
      await using sshd = await startSshd({ loginUser, maxSessions: 3 });
      const clock = new FakeClock();
      await using session = await openSession(sshd, { clock });
      const started = Array.from({ length: 6 }, () => {
        const tag = newTag();
        const command = tagged(tag, "sleep 4000 & wait");
        return { tag, count: 2, outcome: session.exec(command, { timeoutMs: TIMEOUT_MS }) };
      });
      await untilAllAlive(started);
      await untilStarted(clock, started.length);
      clock.advance(TIMEOUT_MS);
      const outcomes = await Promise.all(started.map(({ outcome }) => outcome));
      for (const { ending, processEnded } of outcomes) {
        assert.deepEqual([ending, processEnded], ["timeout", true]);
      }
      assert.deepEqual(processesOf(sshd.uid).filter((pid) => isOf(pid, "sleep", sshd.marker)), []);
    },
  });
}

function isOf(pid: number, name: string, marker: string): boolean {
  return cmdline(pid).startsWith(name) && aliveWithMarker(marker).includes(pid);
}

function cmdline(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`);
  } catch {
    return "";
  }
}
