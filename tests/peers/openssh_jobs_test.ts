import assert from "node:assert/strict";
import type { ExecOutcome } from "../../src/ssh/port.ts";
import { linesOf, startWithScript } from "./forced.ts";
import {
  commandsOf,
  finishedJob,
  jobStates,
  readJob,
  startJob,
  untilRunning,
  untilStopped,
} from "./jobs.ts";
import { failureOf, furnish, LOGIN_KINDS, newTag, openSession, tagged, until } from "./openssh.ts";
import { startDelayProxy } from "./delay_proxy.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { peerTest, ROOT, SSHD } from "./require.ts";
import { startSshd } from "./sshd.ts";

const { signal } = new AbortController();
/** A busy machine needs long for a login. */
const SLOW = { timeoutMs: 60_000 };
const ATTENDED = { timeoutMs: 90_000, answerWithinMs: 60_000 };

peerTest({
  peer: [SSHD, ROOT],
  name: "a job is started, read, listed and stopped",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd, SLOW);
    const { facts } = await startJob(session, "echo out; echo err >&2; exit 3", { name: "näme" });
    const out = await finishedJob(session, facts.id);
    assert.equal(out.text, "out\n");
    assert.equal((await finishedJob(session, facts.id, "stderr")).text, "err\n");
    assert.deepEqual([out.facts.state, out.facts.exitCode, out.facts.name], ["exited", 3, "näme"]);
    const tag = newTag();
    const endless = await startJob(session, tagged(tag, "sleep 4000 & sleep 4000"));
    await untilRunning(tag, 2);
    const running = await session.host.jobs.list(signal);
    assert.deepEqual(running.map(({ state }) => state), ["exited", "running"]);
    const stopped = await session.host.jobs.stop(endless.facts.id, signal);
    assert.deepEqual([stopped.facts.state, stopped.processEnded], ["stopped", true]);
    assert.deepEqual(commandsOf(tag), []);
  },
});

peerTest({
  peer: [SSHD, ROOT],
  name: "exec() goes on as a job after answerWithinMs, and leaves nothing if it ends before",
  async fn() {
    await using sshd = await startSshd();
    const clock = new FakeClock();
    await using session = await openSession(sshd, { ...SLOW, clock });
    const short = await session.exec("echo out; echo err >&2; exit 4", ATTENDED);
    assert.deepEqual(
      [short.ending, short.exitCode, short.stdout.text, short.stderr.text, short.processEnded],
      ["exit", 4, "out\n", "err\n", true],
    );
    assert.deepEqual(await session.host.jobs.list(signal), []);
    const go = `${sshd.home}/go`;
    const waiting = `echo before; while [ ! -e ${go} ]; do sleep 0.05; done; echo after; exit 5`;
    const [answerWithinMs, timeoutMs] = [50_000_000, 60_000_000];
    const seen: string[] = [];
    const running = session.host.exec(
      { command: waiting, answerWithinMs, timeoutMs },
      signal,
      ({ tail }) => seen.push(tail),
    );
    await until("its output", () => {
      clock.advance(1_000);
      return seen.includes("before");
    });
    clock.advance(answerWithinMs);
    const long = await running;
    assert.deepEqual([long.ending, long.stdout.text, long.processEnded], [
      "running",
      "before\n",
      false,
    ]);
    await Deno.writeTextFile(go, "");
    const { text, facts } = await finishedJob(session, long.jobId ?? "");
    assert.deepEqual([text, facts.state, facts.exitCode], ["before\nafter\n", "exited", 5]);
  },
});

/** Commands with the same result in every shell. */
const COMMANDS = [
  "env | grep -v -e ^SSH_ -e ^_= | sort",
  "echo $0; pwd; umask; tty",
  "no-such-program-here",
  "echo out; echo err >/dev/stderr; sh -c 'exit 7'",
  "cat; echo stdin is at its end",
  "sh -c 'ls -l /proc/self/fd | wc -l; trap; grep Sig[IBC] /proc/self/status'",
  "ps -o pgid=,sid= -p $$ | awk '{print ($1 == $2)}'",
  "printf 'a\\0b\\303'",
  "head -c 100001 /dev/zero | tr '\\0' e",
  "sh -c 'kill -SEGV $$'",
  "sh -c 'exit 143'",
  "exec sh -c 'kill -TERM $$'",
];

for (const kind of LOGIN_KINDS) {
  peerTest({
    peer: [SSHD, ROOT, ...kind.peers],
    name: `an attended command returns what a direct one returns (${kind.name})`,
    async fn() {
      await using sshd = await startSshd(kind.options);
      await furnish(sshd, kind);
      await using session = await openSession(sshd, SLOW);
      const view = ({ durationMs: _, ...outcome }: ExecOutcome) => outcome;
      for (const command of COMMANDS) {
        const [direct, attended] = await Promise.all([
          session.exec(command, { timeoutMs: 90_000 }),
          session.exec(command, ATTENDED),
        ]);
        assert.deepEqual({ command, ...view(attended) }, { command, ...view(direct) });
      }
      assert.deepEqual(await jobStates(session), []);
    },
  });
}

peerTest({
  peer: [SSHD, ROOT],
  name: "on a host with a forced command, a job is refused and an attended command runs directly",
  async fn() {
    for (const config of [[], ["DebianBanner no"]]) {
      await using sshd = await startWithScript(
        'date >> runs; echo "$SSH_ORIGINAL_COMMAND" >&2; echo done',
        { loginUser: "root", config },
      );
      await using session = await openSession(sshd, SLOW);
      const outcome = await session.exec("echo hello", ATTENDED);
      assert.deepEqual([outcome.stdout.text, outcome.stderr.text], ["done\n", "echo hello\n"]);
      assert.equal((await linesOf(sshd, "runs")).length, 1);
      for (const call of [() => startJob(session, "echo hello"), () => jobStates(session)]) {
        assert.match((await failureOf(call())).message, /The host allows no jobs/);
      }
      assert.equal((await linesOf(sshd, "runs")).length, 1);
    }
  },
});

peerTest({
  peer: [SSHD, ROOT],
  name: "a job may be the first thing that a host is asked for",
  async fn() {
    for (const config of [[], ["DebianBanner no"]]) {
      await using sshd = await startSshd({ config });
      await using session = await openSession(sshd, SLOW);
      const { facts } = await startJob(session, "echo well");
      assert.equal((await finishedJob(session, facts.id)).text, "well\n");
    }
  },
});

peerTest({
  peer: [SSHD, ROOT],
  name: "with a read-only home, jobs are in a directory of the login's own in /tmp",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd, SLOW);
    const place = `/tmp/mcp-remote-exec-${sshd.uid}`;
    await Deno.chmod(sshd.home, 0o500);
    try {
      // Made by someone else, who could read and change the jobs.
      await Deno.mkdir(`${place}/jobs`, { recursive: true });
      assert.equal((await failureOf(startJob(session, "true"))).code, "not_permitted");
      await Deno.remove(place, { recursive: true });
      await Deno.symlink(sshd.home, place);
      assert.equal((await failureOf(startJob(session, "true"))).code, "not_permitted");
      await Deno.remove(place);
      const { facts } = await startJob(session, "echo well");
      assert.equal((await finishedJob(session, facts.id)).text, "well\n");
      assert.deepEqual(await jobStates(session), ["exited"]);
      const { mode, uid } = await Deno.lstat(`${place}/jobs/${facts.id}`);
      assert.deepEqual([(mode ?? 0) & 0o7777, uid], [0o700, sshd.uid]);
    } finally {
      await Deno.chmod(sshd.home, 0o700);
      await Deno.remove(place, { recursive: true });
    }
  },
});

peerTest({
  peer: [SSHD, ROOT],
  name: "a start of a job and a list take as many round trips as exec()",
  async fn() {
    await using sshd = await startSshd();
    await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 20 });
    await using session = await openSession(sshd, { ...SLOW, port: proxy.port });
    await session.exec("true");
    const calls = [() => startJob(session, "true"), () => jobStates(session)];
    for (const call of calls) {
      // The guard and ssh2 may send something meanwhile, so the best of some counts.
      const flights: number[] = [];
      for (let n = 0; n < 30 && !flights.some((each) => each <= 6); n++) {
        const before = proxy.traffic().flights;
        await call();
        flights.push(proxy.traffic().flights - before);
      }
      // Two turns each for opening the channel and for the command, and one for late messages.
      assert.ok(Math.min(...flights) <= 6, `${flights}`);
    }
  },
});

peerTest({
  peer: [SSHD, ROOT],
  name: "two servers may start, list, read and stop jobs at the same moment",
  async fn() {
    await using sshd = await startSshd();
    await using one = await openSession(sshd, { ...SLOW, jobs: { keepMs: 1_000 } });
    await using two = await openSession(sshd, { ...SLOW, jobs: { keepMs: 1_000 } });
    const tag = newTag();
    const endless = await startJob(one, tagged(tag, "sleep 4000"));
    await untilRunning(tag);
    const { id } = endless.facts;
    const short = Array.from({ length: 8 }, async (_, index) => {
      const session = index % 2 === 0 ? one : two;
      const started = await startJob(session, `echo ${index}; exit ${index}`);
      // It may be gone at once: this server keeps jobs for one second.
      return started.facts.id;
    });
    const calls = await Promise.all([
      ...short,
      jobStates(one).then((states) => assert.ok(states.includes("running"))),
      readJob(two, id, { waitMs: 500 }).then(({ text }) => assert.equal(text, "")),
      jobStates(two),
    ]);
    assert.equal(new Set(calls.slice(0, 8)).size, 8);
    const stops = await Promise.all([one, two].map(({ host }) => host.jobs.stop(id, signal)));
    for (const { facts, processEnded } of stops) {
      assert.deepEqual([facts.state, processEnded], ["stopped", true]);
    }
    await untilStopped(tag);
    await until("an empty list", async () => (await jobStates(two)).length === 0, 30_000);
  },
});

peerTest({
  peer: [SSHD, ROOT],
  name: "the progress of an attended command is reported",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd, SLOW);
    const steps: string[] = [];
    const go = `${sshd.home}/go`;
    const running = session.host.exec(
      { command: `echo one; while [ ! -e ${go} ]; do sleep 0.1; done; echo two`, ...ATTENDED },
      signal,
      ({ bytes, tail }) => steps.push(`${bytes} ${tail}`),
    );
    await until("a step", () => steps.includes("4 one"), 30_000);
    await Deno.writeTextFile(go, "");
    assert.equal((await running).stdout.text, "one\ntwo\n");
  },
});
