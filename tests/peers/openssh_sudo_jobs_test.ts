import assert from "node:assert/strict";
import {
  failureOf,
  FISH,
  newTag,
  openSession,
  tagged,
  TCSH,
  type TestSession,
  until,
  untilGone,
} from "./openssh.ts";
import { peerTest, SSHD } from "./require.ts";
import { type Sshd, startSshd } from "./sshd.ts";
import { SUDO, Sudoers, untilSleeping } from "./sudo.ts";

const NEEDED = [SSHD, ...SUDO];
const ASKS = "USER ALL=(ALL) ALL";
const FREE = "USER ALL=(ALL) NOPASSWD: ALL";

const signal = new AbortController().signal;

const withPassword = (sshd: Sshd, password = sshd.password ?? ""): Promise<TestSession> =>
  openSession(sshd, { ssh: { sudo: { password } } });

const start = (session: TestSession, command: string, more: object = {}) =>
  session.host.jobs.start(
    { command, shown: command, maxRuntimeMs: 600_000, sudo: true, ...more },
    signal,
  );

const read = async (session: TestSession, id: string, stream: "stdout" | "stderr" = "stdout") => {
  const page = await session.host.jobs.read(
    { id, stream, from: 0, maxBytes: 10_000, waitMs: 0 },
    signal,
  );
  return { text: new TextDecoder().decode(page.bytes), facts: page.facts };
};

const ended = (session: TestSession, id: string) =>
  until("the end of the job", async () => (await read(session, id)).facts.state !== "running");

for (
  const [what, lines] of Object.entries({
    "a password": ["Defaults:USER lecture=always", ASKS],
    "no password asked": [FREE],
    "recorded output": ["Defaults:USER log_output, log_input, iolog_dir=HOME/io", ASKS],
  })
) {
  peerTest({
    peer: NEEDED,
    name: `a job with sudo is root's, its directory the login's, and anybody stops it (${what})`,
    async fn() {
      await using sshd = await startSshd();
      await using _ = await Sudoers.allow(
        sshd,
        ...lines.map((line) => line.replaceAll("HOME", sshd.home)),
      );
      await using session = await withPassword(sshd);
      const command = `id -u; cat; echo "it's ä" >&2; exit 7`;
      const { facts: { id } } = await start(session, command);
      await ended(session, id);
      const { text, facts } = await read(session, id);
      assert.deepEqual([text, facts.state, facts.exitCode], ["0\n", "exited", 7]);
      assert.equal((await read(session, id, "stderr")).text, "it's ä\n");
      // Nothing of it is root's, and nothing has the password.
      const directory = `${sshd.home}/.local/state/mcp-remote-exec/jobs/${id}`;
      for (const { name } of Deno.readDirSync(directory)) {
        assert.equal(Deno.statSync(`${directory}/${name}`).uid, sshd.uid, name);
        const content = Deno.readTextFileSync(`${directory}/${name}`);
        assert.ok(!content.includes(sshd.password ?? ""), name);
      }
      for (const script of ["sleep 4000 | cat", "trap '' TERM; sleep 4000 & wait; sleep 4000"]) {
        const tag = newTag();
        const job = await start(session, tagged(tag, script));
        await untilSleeping(tag);
        // The link is lost, and a server without sudo stops the job.
        await sshd.killConnections();
        await using other = await openSession(sshd);
        const stopped = await other.host.jobs.stop(job.facts.id, signal);
        assert.deepEqual([stopped.facts.state, stopped.processEnded], ["stopped", true]);
        await untilGone(tag);
      }
      const tag = newTag();
      const limited = await start(session, tagged(tag, "sleep 4000"), { maxRuntimeMs: 2_000 });
      await ended(session, limited.facts.id);
      assert.equal((await read(session, limited.facts.id)).facts.state, "timed_out");
      await untilGone(tag);
    },
  });
}

peerTest({
  peer: NEEDED,
  name: "a long command with sudo goes on as a job after the answer, and is stopped before it",
  async fn() {
    await using sshd = await startSshd();
    await using _ = await Sudoers.allow(sshd, ASKS);
    await using session = await withPassword(sshd);
    const long = { sudo: true, answerWithinMs: 60_000, timeoutMs: 120_000 };
    const quick = await session.exec("id -u; echo err >&2; exit 7", long);
    assert.deepEqual(
      [quick.ending, quick.exitCode, quick.stdout.text, quick.stderr.text],
      ["exit", 7, "0\n", "err\n"],
    );
    const tag = newTag();
    const running = await session.exec(tagged(tag, "echo begun; sleep 4000"), {
      ...long,
      answerWithinMs: 3_000,
    });
    assert.equal(running.ending, "running");
    const id = running.jobId ?? "";
    await untilSleeping(tag);
    await until("the output", async () => (await read(session, id)).text === "begun\n");
    assert.equal((await read(session, id)).facts.state, "running");
    assert.equal((await session.host.jobs.stop(id, signal)).processEnded, true);
    await untilGone(tag);
    for (const way of ["cancellation", "lost link"] as const) {
      const tag = newTag();
      const cancel = new AbortController();
      const outcome = session.exec(tagged(tag, "sleep 4000 | cat"), long, cancel.signal);
      await untilSleeping(tag);
      if (way === "cancellation") cancel.abort();
      else await sshd.killConnections();
      const { ending, processEnded } = await outcome;
      if (way === "cancellation") {
        assert.deepEqual([ending, processEnded], ["cancelled", true]);
      } else assert.equal(ending, "connection_lost");
      await untilGone(tag);
    }
  },
});

// tcsh closes what it does not know.
for (const [peers, shell] of [[FISH, "/usr/bin/fish"], [TCSH, "/usr/bin/tcsh"]] as const) {
  peerTest({
    peer: [...NEEDED, peers],
    name: `commands and jobs with sudo work whatever the login shell is (${shell})`,
    async fn() {
      await using sshd = await startSshd({ shell });
      await using _ = await Sudoers.allow(sshd, ASKS);
      await using session = await withPassword(sshd);
      const command = `echo 'it'"'"'s' ä\\! \`id -u\` "$HOME"; exit 7`;
      const { exitCode, stdout } = await session.exec(command, { sudo: true });
      assert.deepEqual([exitCode, stdout.text], [7, "it's ä! 0 /root\n"]);
      const { facts: { id } } = await start(session, command);
      await ended(session, id);
      const { text, facts } = await read(session, id);
      assert.deepEqual([facts.exitCode, text], [7, "it's ä! 0 /root\n"]);
      const tag = newTag();
      const job = await start(session, tagged(tag, "sleep 4000 | cat"));
      await untilSleeping(tag);
      assert.equal((await session.host.jobs.stop(job.facts.id, signal)).processEnded, true);
      await untilGone(tag);
    },
  });
}

peerTest({
  peer: NEEDED,
  name: "a job with sudo that sudo refuses is an error",
  async fn() {
    await using sshd = await startSshd();
    await using sudoers = await Sudoers.allow(sshd, "Defaults:USER passwd_tries=1", ASKS);
    await using wrong = await withPassword(sshd, "not the password");
    for (let turn = 0; turn < 2; turn++) {
      const { code, message } = await failureOf(start(wrong, "id"));
      assert.equal(code, "sudo_refused");
      assert.match(message, /does not accept SUDO_PASSWORD/);
    }
    await using session = await withPassword(sshd);
    await start(session, "true");
    // Whatever changes later on the host.
    await sudoers.change(sshd);
    const long = { sudo: true, answerWithinMs: 60_000, timeoutMs: 120_000 };
    const calls = [
      () => start(session, "id"),
      () => session.exec("id", long),
      () => session.exec("id", { sudo: true }),
    ];
    for (const call of calls) {
      const { code, message } = await failureOf(call());
      assert.equal(code, "sudo_refused");
      assert.match(message, /may not run every command/);
    }
  },
});
