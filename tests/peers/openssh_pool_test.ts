// @timed: its commands must end within seconds.
import assert from "node:assert/strict";
import { startDelayProxy } from "./delay_proxy.ts";
import {
  execTimedOut,
  failureOf,
  isRoot,
  newTag,
  openSession,
  tagged,
  type TestSession,
  untilAlive,
  untilGone,
  untilGuarded,
  untilStarted,
} from "./openssh.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { until } from "../support/until.ts";
import { aliveWithMarker, isSshd } from "./processes.ts";
import { peerTest, SSHD } from "./require.ts";
import { type Sshd, startSshd } from "./sshd.ts";

for (const maxSessions of [1, 2, 3]) {
  peerTest({
    peer: SSHD,
    name: `every call succeeds on a host with MaxSessions ${maxSessions}`,
    async fn() {
      await using sshd = await startSshd({ maxSessions });
      const clock = new FakeClock();
      await using session = await openSession(sshd, { clock });
      await session.file("up", "content");
      const codes = await Promise.all(
        Array.from(
          { length: 12 },
          async (_, index) => (await session.exec(`sleep 0.1; exit ${index}`)).exitCode,
        ),
      );
      assert.deepEqual(codes, codes.map((_, index) => index));
      const [up, after] = await Promise.all([
        session.upload("up", "there"),
        session.exec("echo well"),
      ]);
      assert.deepEqual([up.bytes, after.stdout.text], [7, "well\n"]);
      assert.equal((await session.download("there", "down")).sha256, up.sha256);
      const tag = newTag();
      const line = tagged(tag, "sleep 4000");
      const late = await execTimedOut(session, clock, { tag, line, count: 1 });
      // On a host with only one session no guard runs, so the end is not confirmed.
      assert.deepEqual([late.ending, late.processEnded], ["timeout", maxSessions > 1]);
      assert.ok(sshd.connections() <= 8 + 1, `${sshd.connections()} logins`);
    },
  });
}

peerTest({
  peer: SSHD,
  name: "a host that allows no sessions is reported",
  async fn() {
    await using sshd = await startSshd({ maxSessions: 0 });
    await using session = await openSession(sshd);
    const error = await failureOf(session.exec("true"));
    assert.equal(error.code, "unsupported");
    assert.match(error.message, /MaxSessions/);
  },
});

peerTest({
  peer: SSHD,
  name: "50 concurrent commands all succeed, with more connections",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd);
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, index) => session.exec(`sleep 2; exit ${index}`)),
    );
    assert.deepEqual(outcomes.map(({ exitCode }) => exitCode), outcomes.map((_, index) => index));
    // Some logins may take longer than all commands.
    await until("the logins", () => sshd.connections() >= 5);
    assert.ok(sshd.connections() <= 8, `${sshd.connections()}`);
  },
});

peerTest({
  peer: SSHD,
  name: "a call after a restart of the host works",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd);
    await session.file("up", "content");
    for (const interrupt of [() => sshd.restart(), () => sshd.killConnections()]) {
      assert.equal(await session.read("echo before"), "before\n");
      await session.upload("up", "there");
      await interrupt();
      assert.equal(await session.read("echo after"), "after\n");
      await interrupt();
      assert.equal((await session.upload("up", "there")).bytes, 7);
    }
  },
});

/** Stops the processes that serve the present connections: these links go dead, new ones work. */
function wedge(sshd: Sshd): void {
  const serving = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) =>
    Number.isInteger(pid) && isSshd(pid) && titleOf(pid).startsWith(`sshd: ${sshd.username}`)
  );
  assert.ok(serving.length > 0);
  for (const pid of serving) Deno.kill(pid, "SIGSTOP");
}

function titleOf(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`);
  } catch {
    return "";
  }
}

peerTest({
  peer: SSHD,
  name: "a dead connection is replaced during one slow call",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd);
    await session.file("up", "content");
    const calls = [
      async () => assert.equal(await session.read("echo well"), "well\n"),
      async () => assert.equal((await session.upload("up", "there")).bytes, 7),
    ];
    for (const call of calls) {
      await session.upload("up", "there");
      const doneAtMs = performance.now();
      await until("a quiet link", () => performance.now() - doneAtMs > 150);
      wedge(sshd);
      const startedAt = performance.now();
      await call();
      // Without the replacement it would be the 30 seconds of the time limit.
      assert.ok(performance.now() - startedAt < 20_000);
      const again = performance.now();
      await call();
      assert.ok(performance.now() - again < 20_000);
    }
  },
});

peerTest({
  peer: SSHD,
  name: "a command on a link that goes dead ends soon after its time limit, on the host too",
  async fn() {
    await using sshd = await startSshd({ loginUser: isRoot ? "root" : "user" });
    await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 0 });
    const clock = new FakeClock();
    await using session = await openSession(sshd, { port: proxy.port, clock });
    const tag = newTag();
    const running = session.exec(tagged(tag, "sleep 4000 & wait"), { timeoutMs: 60_000 });
    await untilAlive(tag, 2);
    await untilStarted(clock, 1);
    await untilGuarded(sshd.marker);
    proxy.freeze();
    const expiredAt = performance.now();
    clock.advance(60_000);
    const { ending, processEnded } = await running;
    assert.deepEqual([ending, processEnded], ["timeout", false]);
    assert.ok(performance.now() - expiredAt < 20_000, "not soon");
    proxy.thaw();
    await untilGone(tag);
    assert.equal(await session.read("echo well"), "well\n");
  },
});

peerTest({
  peer: SSHD,
  name: "calls to a host that does not answer each end within their own limit",
  async fn() {
    await using sshd = await startSshd();
    await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 0, isSilent: true });
    const session = await openSession(sshd, { port: proxy.port, timeoutMs: 2_000 });
    await session.file("up", "content");
    const ended: number[] = [];
    const timed = async (limitMs: number, call: Promise<unknown>) => {
      const startedAt = performance.now();
      const { code } = await failureOf(call);
      const tookMs = performance.now() - startedAt;
      ended.push(limitMs);
      assert.ok(tookMs > 200 && tookMs < limitMs + 10_000, `${tookMs} of ${limitMs} ms`);
      assert.match(code, /^(timeout|unreachable)$/);
    };
    const limits = [300, 700, 1_500, 2_500];
    await Promise.all([
      ...limits.map((timeoutMs) => timed(timeoutMs, session.exec("true", { timeoutMs }))),
      timed(2_000, session.upload("up", "there")),
      (async () => {
        await until("the first attempt", () => proxy.traffic().connections > 0);
        await timed(400, session.exec("true", { timeoutMs: 400 }));
      })(),
    ]);
    assert.deepEqual(ended.filter((limitMs) => limits.includes(limitMs)), limits);
    await session.close();
  },
});

peerTest({
  peer: SSHD,
  name: "a port where nothing listens is reported at once",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd, { port: 1 });
    const startedAt = performance.now();
    const error = await failureOf(session.exec("true"));
    assert.equal(error.code, "unreachable");
    assert.match(error.message, /SSH connection failed to 127\.0\.0\.1:1/);
    assert.ok(performance.now() - startedAt < 10_000);
  },
});

peerTest({
  peer: SSHD,
  name: "a long command does not delay short ones",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd);
    const controller = new AbortController();
    const long = session.exec("cat /dev/zero", { timeoutMs: 60_000 }, controller.signal);
    await checkShortOnes(session);
    controller.abort();
    assert.equal((await long).processEnded, true);
    assert.equal(sshd.connections(), 1);
    assert.equal(aliveWithMarker(sshd.marker).some((pid) => titleOf(pid).startsWith("cat")), false);
  },
});

async function checkShortOnes(session: TestSession): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const startedAt = performance.now();
    assert.equal(await session.read("echo short"), "short\n");
    // The long one runs for a minute.
    assert.ok(performance.now() - startedAt < 20_000);
  }
}
