import assert from "node:assert/strict";
import type { ExecOutcome } from "../../src/ssh/port.ts";
import { startDelayProxy } from "./delay_proxy.ts";
import { FEW } from "./endless.ts";
import {
  commandsOf,
  finishedJob,
  jobStates,
  readJob,
  runnersOf,
  startJob,
  untilRunning,
  untilStopped,
} from "./jobs.ts";
import { newTag, openSession, tagged, type TestSession, until } from "./openssh.ts";
import { endProcesses, sendSignal } from "./processes.ts";
import { peerTest, ROOT, SSHD } from "./require.ts";
import { startSshd } from "./sshd.ts";

const { signal } = new AbortController();
/** A busy machine needs long for a login. */
const SLOW = { timeoutMs: 60_000 };
const LONG = { timeoutMs: 120_000 };

const namesIn = (dir: string): string[] =>
  [...Deno.readDirSync(dir)].map(({ name }) => name).sort();

/** Starts a command that still runs when the call is answered. */
async function released(session: TestSession, tag: string, script: string): Promise<string> {
  const outcome = await session.exec(tagged(tag, script), { ...LONG, answerWithinMs: 2_000 });
  assert.deepEqual([outcome.ending, outcome.processEnded], ["running", false]);
  return outcome.jobId ?? "";
}

for (const loginUser of ["user", "root"] as const) {
  peerTest({
    peer: [SSHD, ROOT],
    name: `a cut link stops a command before the answer, and no job (${loginUser})`,
    async fn() {
      await using sshd = await startSshd({ loginUser });
      await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 0 });
      await using session = await openSession(sshd, { ...SLOW, port: proxy.port });
      const tags = FEW.map(() => newTag());
      const attended = FEW.map(({ script }, index) =>
        session.exec(tagged(tags[index] ?? "", script), { ...LONG, answerWithinMs: 60_000 })
      );
      await Promise.all(FEW.map(({ count }, index) => untilRunning(tags[index] ?? "", count)));
      const tag = newTag();
      const go = `${sshd.home}/go`;
      const script = `echo before; while [ ! -e ${go} ]; do sleep 0.1; done; echo after; exit 7`;
      const id = await released(session, tag, script);
      const other = newTag();
      const job = await startJob(session, tagged(other, "sleep 4000"));
      await untilRunning(other);
      proxy.cut();
      await Promise.all(tags.map((each) => untilStopped(each)));
      for (const outcome of attended) assert.equal((await outcome).ending, "connection_lost");
      assert.equal(commandsOf(tag).length > 0, true);
      assert.equal(commandsOf(other).length > 0, true);
      await sshd.restart();
      assert.equal(commandsOf(other).length > 0, true);
      await Deno.writeTextFile(go, "");
      await using later = await openSession(sshd, SLOW);
      const { text, facts } = await finishedJob(later, id);
      assert.deepEqual([text, facts.state, facts.exitCode], ["before\nafter\n", "exited", 7]);
      const stopped = await later.host.jobs.stop(job.facts.id, signal);
      assert.deepEqual([stopped.facts.state, stopped.processEnded], ["stopped", true]);
      await until("the end of the runners", () => runnersOf(sshd.marker).length === 0, 30_000);
    },
  });

  peerTest({
    peer: [SSHD, ROOT],
    name: `a cancellation, a timeout and close() stop a command before the answer (${loginUser})`,
    async fn() {
      await using sshd = await startSshd({ loginUser });
      const session = await openSession(sshd, SLOW);
      const view = ({ ending, processEnded }: ExecOutcome) => [ending, processEnded];
      await Promise.all(FEW.map(async ({ script, count }) => {
        const tag = newTag();
        const controller = new AbortController();
        const request = { ...LONG, answerWithinMs: 60_000 };
        const running = session.exec(tagged(tag, script), request, controller.signal);
        await untilRunning(tag, count);
        // The host reports the starts in order, so after this command this one is known here too.
        await session.exec("true");
        controller.abort();
        assert.deepEqual(view(await running), ["cancelled", true]);
        assert.deepEqual(commandsOf(tag), []);
      }));
      // Stopped while it starts: nothing remains, whatever the moment is.
      const early = newTag();
      await Promise.all(Array.from({ length: 10 }, (_, index) => {
        const request = { ...LONG, answerWithinMs: 60_000 };
        const line = tagged(early, "sleep 4000 & sleep 4000");
        return session.exec(line, request, AbortSignal.timeout(index * 12)).catch(() => {});
      }));
      await untilStopped(early);
      const dir = `${sshd.home}/.local/state/mcp-remote-exec/jobs`;
      const left = () =>
        namesIn(dir).map((id) => `${id}: ${namesIn(`${dir}/${id}`)}; ${runnersOf(sshd.marker)}`);
      await until("no job", () => namesIn(dir).length === 0)
        .catch(() => assert.deepEqual(left(), []));
      const tag = newTag();
      const id = await released(session, tag, "sleep 4000");
      const last = newTag();
      const ended = session.exec(tagged(last, "sleep 4000"), { ...LONG, answerWithinMs: 60_000 });
      await untilRunning(last);
      await session.exec("true");
      await session.close();
      await untilStopped(last);
      assert.match((await ended).ending, /^(connection_lost|no_status|signal)$/);
      assert.equal(commandsOf(tag).length > 0, true);
      await using later = await openSession(sshd, SLOW);
      assert.equal((await later.host.jobs.stop(id, signal)).processEnded, true);
      assert.deepEqual(commandsOf(tag), []);
    },
  });
}

peerTest({
  peer: [SSHD, ROOT],
  name: "a job ends at its max runtime, also without a connection, and survives HUP and TERM",
  async fn() {
    await using sshd = await startSshd();
    const session = await openSession(sshd, SLOW);
    const tag = newTag();
    const { facts } = await startJob(
      session,
      tagged(tag, `trap "" HUP TERM; echo a; sleep 4000; echo b; sleep 4000`),
      { maxRuntimeMs: 4_000 },
    );
    await until("its output", async () => (await readJob(session, facts.id)).text === "a\n");
    await session.close();
    for (const pid of runnersOf(sshd.marker)) {
      for (const name of ["SIGHUP", "SIGTERM"] as const) sendSignal(pid, name);
    }
    await untilStopped(tag);
    await using later = await openSession(sshd, SLOW);
    await until("the status", async () => (await jobStates(later))[0] !== "running", 30_000);
    const page = await readJob(later, facts.id);
    assert.deepEqual([page.text, page.facts.state], ["a\n", "timed_out"]);
    assert.ok(page.facts.runtimeMs >= 3_990, `${page.facts.runtimeMs}`);
  },
});

peerTest({
  peer: [SSHD, ROOT],
  name: "a link that is cut during a start leaves one job or none, whose ID the error names",
  async fn() {
    await using sshd = await startSshd();
    await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 0 });
    await using session = await openSession(sshd, { ...SLOW, port: proxy.port });
    const tag = newTag();
    const known = new Set<string>();
    for (
      const [direction, bytes] of [
        ["to_target", 100],
        ["to_target", 9_000],
        ["to_client", 1],
        ["to_client", 150],
        ["to_client", 300],
      ] as const
    ) {
      await session.exec("true");
      proxy.cutAfter(direction, bytes);
      const started = startJob(session, tagged(tag, "sleep 4000"));
      const id = await started.then(
        ({ facts }) => facts.id,
        ({ code, message }) => {
          assert.equal(code, "connection_lost");
          return /the start of job ([0-9a-f]{32}), which may run/.exec(message)?.[1];
        },
      );
      proxy.cutAfter(direction, Infinity);
      known.add(id ?? "");
    }
    // A start whose link was cut may still be under way.
    await until("the end of all jobs and of what starts one", async () => {
      for (const { id } of await session.host.jobs.list(signal)) {
        assert.ok(known.has(id));
        assert.equal((await session.host.jobs.stop(id, signal)).processEnded, true);
      }
      return runnersOf(sshd.marker).length === 0;
    });
    assert.deepEqual(commandsOf(tag), []);
  },
});

peerTest({
  peer: [SSHD, ROOT],
  name: "a job without its runner still counts as running, is stopped, or is lost",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd, SLOW);
    const [first, second] = [newTag(), newTag()];
    const one = await startJob(session, tagged(first, "sleep 4000 & sleep 4000"));
    const two = await startJob(session, tagged(second, "sleep 4000"));
    await untilRunning(first, 2);
    await untilRunning(second);
    await endProcesses(runnersOf(sshd.marker), () => runnersOf(sshd.marker));
    assert.deepEqual(await jobStates(session), ["running", "running"]);
    const stopped = await session.host.jobs.stop(one.facts.id, signal);
    assert.deepEqual([stopped.facts.state, stopped.processEnded], ["stopped", true]);
    assert.deepEqual(commandsOf(first), []);
    await endProcesses(commandsOf(second), () => commandsOf(second));
    assert.deepEqual(await jobStates(session), ["stopped", "lost"]);
    const again = await session.host.jobs.stop(two.facts.id, signal);
    assert.deepEqual([again.facts.state, again.processEnded], ["lost", true]);
  },
});

peerTest({
  peer: [SSHD, ROOT],
  name: "a job is lost after a restart of the host, and when another process has its pid",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd, SLOW);
    const tags = [newTag(), newTag()];
    const ids: string[] = [];
    for (const tag of tags) ids.push((await startJob(session, tagged(tag, "sleep 4000"))).facts.id);
    await Promise.all(tags.map((tag) => untilRunning(tag)));
    const dir = (index: number) => `${sshd.home}/.local/state/mcp-remote-exec/jobs/${ids[index]}`;
    const edit = async (path: string, change: (text: string) => string) =>
      await Deno.writeTextFile(path, change(await Deno.readTextFile(path)));
    await edit(`${dir(0)}/meta`, (text) => text.replace(/[0-9a-f]{8}-[0-9a-f-]{27} /, "other "));
    for (const file of ["pid", "runner"]) {
      await edit(`${dir(1)}/${file}`, (text) => text.replace(/ \d+/, " 1"));
    }
    assert.deepEqual(await jobStates(session), ["lost", "lost"]);
    // A job that is over is not stopped again: its pid may be another's.
    for (const id of ids) {
      const { facts, processEnded } = await session.host.jobs.stop(id, signal);
      assert.deepEqual([facts.state, processEnded], ["lost", true]);
    }
    assert.deepEqual(tags.map((tag) => commandsOf(tag).length > 0), [true, true]);
  },
});
