import assert from "node:assert/strict";
import type { JobRead, JobRequest } from "../../src/ssh/jobs/port.ts";
import { alive, newTag, openSession, tagged, type TestSession, untilAlive } from "./openssh.ts";
import { peerTest, SSHD } from "./require.ts";
import { startSshd } from "./sshd.ts";

const { signal } = new AbortController();

const start = (session: TestSession, command: string, request: Partial<JobRequest> = {}) =>
  session.host.jobs.start({ command, shown: command, maxRuntimeMs: 600_000, ...request }, signal);

/** Reads all of a stream after the job's end. */
async function whole(session: TestSession, id: string, stream: JobRead["stream"] = "stdout") {
  let facts;
  let text = "";
  for (let from = 0;;) {
    const page = await session.host.jobs.read(
      { id, stream, from, maxBytes: 100_000, waitMs: 30_000 },
      signal,
    );
    facts = page.facts;
    text += new TextDecoder().decode(page.bytes);
    if (page.next === from && facts.state !== "running") return { facts, text };
    from = page.next;
  }
}

peerTest({
  peer: SSHD,
  name: "a job is started, read, listed and stopped",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd);
    const { facts } = await start(session, "echo out; echo err >&2; exit 3", { name: "näme" });
    const out = await whole(session, facts.id);
    assert.equal(out.text, "out\n");
    assert.equal((await whole(session, facts.id, "stderr")).text, "err\n");
    assert.deepEqual([out.facts.state, out.facts.exitCode, out.facts.name], ["exited", 3, "näme"]);
    const tag = newTag();
    const endless = await start(session, tagged(tag, "sleep 4000 & sleep 4000"));
    await untilAlive(tag, 2);
    const running = await session.host.jobs.list(signal);
    assert.deepEqual(running.map(({ state }) => state), ["exited", "running"]);
    const stopped = await session.host.jobs.stop(endless.facts.id, signal);
    assert.deepEqual([stopped.facts.state, stopped.processEnded], ["stopped", true]);
    assert.deepEqual(alive(tag), []);
  },
});

peerTest({
  peer: SSHD,
  name: "exec() goes on as a job after answerWithinMs, and leaves nothing if it ends before",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd);
    const short = await session.exec("echo out; echo err >&2; exit 4", { answerWithinMs: 15_000 });
    assert.deepEqual(
      [short.ending, short.exitCode, short.stdout.text, short.stderr.text, short.processEnded],
      ["exit", 4, "out\n", "err\n", true],
    );
    assert.deepEqual(await session.host.jobs.list(signal), []);
    const go = `${sshd.home}/go`;
    const waiting = `echo before; while [ ! -e ${go} ]; do sleep 0.05; done; echo after; exit 5`;
    const long = await session.exec(waiting, { answerWithinMs: 1_000, timeoutMs: 60_000 });
    assert.deepEqual([long.ending, long.stdout.text, long.processEnded], [
      "running",
      "before\n",
      false,
    ]);
    await Deno.writeTextFile(go, "");
    const { text, facts } = await whole(session, long.jobId ?? "");
    assert.deepEqual([text, facts.state, facts.exitCode], ["before\nafter\n", "exited", 5]);
  },
});
