import assert from "node:assert/strict";
import { linesOf, startWithKeyOptions, startWithScript } from "./forced.ts";
import {
  alive,
  execTimedOut,
  FISH,
  isRoot,
  newTag,
  openSession,
  tagged,
  TCSH,
  untilAlive,
  untilStarted,
  ZSH,
} from "./openssh.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { peerTest, ROOT, SSHD } from "./require.ts";
import { type Sshd, type SshdOptions, startSshd } from "./sshd.ts";

const LOGIN: SshdOptions = { loginUser: isRoot ? "root" : "user", shell: "/bin/sh" };
const LOGINS: readonly SshdOptions[] = [LOGIN, { loginUser: "user", shell: "/bin/bash" }];
const SFTP = "/usr/lib/openssh/sftp-server";

/** OpenSSH of Debian, which names its system, and the same program as other systems build it. */
const BUILDS: Readonly<Record<string, readonly string[]>> = {
  "Debian": [],
  "other system": ["DebianBanner no"],
};

for (
  const [build, config, login] of Object.entries(BUILDS).flatMap(([build, config]) =>
    LOGINS.map((login) =>
      [`${build}, ${login.loginUser} with ${login.shell}`, config, login] as const
    )
  )
) {
  const SH: SshdOptions = { ...login, config };

  /** Hosts that run a job instead of what is requested. Each run adds a line to `runs`. */
  const JOBS: Readonly<Record<string, () => Promise<Sshd>>> = {
    "command= of a key": () => startWithKeyOptions(`command="date >> runs; echo done"`, SH),
    "ForceCommand": () => startWithScript("date >> runs; echo done", SH),
    "ForceCommand that says what was requested": () =>
      startWithScript('date >> runs; echo "$SSH_ORIGINAL_COMMAND" >&2; echo done', SH),
  };

  for (const [name, start] of Object.entries(JOBS)) {
    peerTest({
      peer: SSHD,
      name: `${build}, ${name}: an exec runs the job once, and nothing else runs`,
      async fn() {
        await using sshd = await start();
        await using session = await openSession(sshd);
        for (const count of [1, 2, 3]) {
          assert.equal((await session.exec("echo hello")).stdout.text, "done\n");
          assert.equal((await linesOf(sshd, "runs")).length, count);
        }
        assert.equal(await session.close(30_000), true);
        assert.equal((await linesOf(sshd, "runs")).length, 3);
      },
    });

    peerTest({
      peer: SSHD,
      name: `${build}, ${name}: two first commands at once run the job twice`,
      async fn() {
        await using sshd = await start();
        await using session = await openSession(sshd);
        await Promise.all([session.exec("echo hello"), session.exec("echo hello")]);
        await session.exec("echo hello");
        assert.equal((await linesOf(sshd, "runs")).length, 3);
      },
    });

    peerTest({
      peer: SSHD,
      name: `${build}, ${name}: a file call runs the job once, because SFTP was requested`,
      async fn() {
        await using sshd = await start();
        await using session = await openSession(sshd);
        await session.file("up", "content");
        await assert.rejects(session.upload("up", "there"));
        assert.equal((await linesOf(sshd, "runs")).length, 1);
      },
    });

    peerTest({
      peer: SSHD,
      name: `${build}, ${name}: doctor runs the job at most once`,
      async fn() {
        await using sshd = await start();
        await using session = await openSession(sshd);
        const checks = await session.host.diagnose();
        assert.match(checks.at(-1)?.detail ?? "", /a command of its own for this login|done/);
        assert.ok((await linesOf(sshd, "runs")).length <= 1);
      },
    });
  }

  /** Logs every request and then runs it. */
  const DISPATCHER = 'echo "$SSH_ORIGINAL_COMMAND" >> runs; eval "$SSH_ORIGINAL_COMMAND"';

  /** Hosts whose forced command runs what is requested. */
  const DISPATCHERS: Readonly<Record<string, () => Promise<Sshd>>> = {
    "command= that evaluates the request": () =>
      startWithKeyOptions(`command="${DISPATCHER.replaceAll('"', '\\"')}"`, SH),
    "ForceCommand that evaluates the request": () => startWithScript(DISPATCHER, SH),
  };

  for (const [name, start] of Object.entries(DISPATCHERS)) {
    peerTest({
      peer: SSHD,
      name: `${build}, ${name}: each command runs once, and its output is its own`,
      async fn() {
        await using sshd = await start();
        await using session = await openSession(sshd);
        for (const count of [1, 2, 3]) {
          const { stdout, stderr, exitCode } = await session.exec(`echo x >> count; echo no >&2`);
          assert.deepEqual([stdout.text, stderr.text, exitCode], ["", "no\n", 0]);
          assert.equal((await linesOf(sshd, "count")).length, count);
        }
        // A build that does not name Linux shows with its first command what the login is.
        const line = "echo x >> count; echo no >&2";
        const lines = await linesOf(sshd, "runs");
        assert.deepEqual(lines.slice(-2), [line, line]);
        assert.ok(lines[0]?.endsWith(`; ${line}`) || lines[0] === line, lines[0]);
        if (build.startsWith("Debian") || name.startsWith("command=")) assert.equal(lines[0], line);
      },
    });

    peerTest({
      peer: SSHD,
      name: `${build}, ${name}: an upload sends nothing but SFTP`,
      async fn() {
        await using sshd = await start();
        await using session = await openSession(sshd);
        await session.file("up", "content");
        assert.equal((await session.upload("up", "there")).verified, "size");
        assert.equal((await session.download("there", "down")).verified, "size");
        assert.deepEqual(await linesOf(sshd, "runs"), [SFTP]);
      },
    });
  }

  peerTest({
    peer: SSHD,
    name: `${build}: a forced command that allows only sftp-server gets nothing else for an upload`,
    async fn() {
      const script = `echo "$SSH_ORIGINAL_COMMAND" >> runs
case $SSH_ORIGINAL_COMMAND in ${SFTP}) exec ${SFTP};; *) echo refused >&2; exit 1;; esac`;
      await using sshd = await startWithScript(script, SH);
      await using session = await openSession(sshd);
      await session.file("up", "content");
      assert.equal((await session.upload("up", "there")).verified, "size");
      assert.equal((await session.download("there", "down")).verified, "size");
      assert.deepEqual(await linesOf(sshd, "runs"), [SFTP]);
    },
  });

  peerTest({
    peer: SSHD,
    name: `${build}: ForceCommand internal-sftp: files are verified by size`,
    async fn() {
      await using sshd = await startSshd({
        ...SH,
        config: [...config, "Subsystem sftp internal-sftp", "ForceCommand internal-sftp"],
      });
      await using session = await openSession(sshd);
      await session.file("up", "content");
      assert.equal((await session.upload("up", "there")).verified, "size");
      assert.equal((await session.download("there", "down")).verified, "size");
      const outcome = await session.exec("echo hello");
      assert.deepEqual([outcome.stdout.text.includes("hello"), outcome.exitCode], [false, 1]);
    },
  });

  peerTest({
    peer: SSHD,
    name: `${build}: a command is not preceded by anything when SSH_GUARD is off`,
    async fn() {
      await using sshd = await startWithScript(DISPATCHER, SH);
      await using session = await openSession(sshd, { ssh: { guard: false } });
      assert.equal(await session.read("echo hello"), "hello\n");
      assert.equal(await session.read("echo hello"), "hello\n");
      assert.deepEqual(await linesOf(sshd, "runs"), ["echo hello", "echo hello"]);
    },
  });

  peerTest({
    peer: SSHD,
    name:
      `${build}: an upload is verified by sha256 as the first call of a login that is not forced`,
    async fn() {
      for (const subsystem of [[], ["Subsystem sftp internal-sftp"]]) {
        await using sshd = await startSshd({ ...SH, config: [...config, ...subsystem] });
        await using session = await openSession(sshd);
        await session.file("up", "content");
        assert.equal((await session.upload("up", "there")).verified, "sha256");
      }
    },
  });

  peerTest({
    peer: SSHD,
    name: `${build}: the first command is stopped at its time limit, together with others`,
    async fn() {
      await using sshd = await startSshd(SH);
      const clock = new FakeClock();
      await using session = await openSession(sshd, { clock });
      const tag = newTag();
      const script = 'trap "" TERM; sleep 4000 & wait; sleep 4000';
      const calls = [1, 2, 3].map(() => session.exec(tagged(tag, script), { timeoutMs: 60_000 }));
      await untilAlive(tag, 6);
      await untilStarted(clock, 3);
      clock.advance(60_000);
      for (const { ending, processEnded } of await Promise.all(calls)) {
        assert.deepEqual([ending, processEnded], ["timeout", true]);
      }
      assert.deepEqual(alive(tag), []);
    },
  });

  peerTest({
    peer: SSHD,
    name: `${build}: a first command with a syntax error`,
    async fn() {
      await using sshd = await startSshd(SH);
      const clock = new FakeClock();
      await using session = await openSession(sshd, { clock });
      const { exitCode, stderr } = await session.exec("echo (");
      assert.equal(exitCode, 2);
      assert.doesNotMatch(stderr.text, /SSH_ORIGINAL_COMMAND/);
      const tag = newTag();
      const line = tagged(tag, "sleep 4000 & wait");
      const late = await execTimedOut(session, clock, { tag, line, count: 2 });
      assert.deepEqual([late.ending, late.processEnded], ["timeout", true]);
    },
  });
}

peerTest({
  peer: SSHD,
  name: "Debian: ForceCommand that compares the request gets each request as given",
  async fn() {
    const script =
      `case $SSH_ORIGINAL_COMMAND in "uptime now") echo up;; *) echo no; exit 9;; esac`;
    await using sshd = await startWithScript(script, LOGIN);
    await using session = await openSession(sshd);
    for (let turn = 0; turn < 3; turn++) assert.equal(await session.read("uptime now"), "up\n");
  },
});

for (const shell of [FISH, TCSH, ZSH]) {
  peerTest({
    peer: [SSHD, ROOT, shell],
    name: `other system: ${shell.name} runs the first command as given, and a guard`,
    async fn() {
      await using sshd = await startSshd({
        loginUser: "root",
        shell: `/usr/bin/${shell.name}`,
        config: ["DebianBanner no"],
      });
      const clock = new FakeClock();
      await using session = await openSession(sshd, { clock });
      const { stdout, stderr } = await session.exec("echo out; sh -c 'echo err >&2'");
      assert.deepEqual([stdout.text, stderr.text], ["out\n", "err\n"]);
      const tag = newTag();
      const line = tagged(tag, "sleep 4000");
      const late = await execTimedOut(session, clock, { tag, line, count: 1 });
      assert.deepEqual([late.ending, late.processEnded], ["timeout", true]);
    },
  });
}
