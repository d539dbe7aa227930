// @timed: it measures times and the memory of this process.
import assert from "node:assert/strict";
import { createLogger } from "../../../../src/log.ts";
import { RemoteHost } from "../../../../src/ssh/worker/remote_host.ts";
import { isAlive } from "../../../fakes/ssh_host_client.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { type SessionPlace, sessionTest, settingsOf } from "../../../support/session.ts";
import { timedTest } from "../../../support/timed_commands.ts";
import { until } from "../../../support/until.ts";

sessionTest("exec() returns exit code, output and duration", async ({ exec }) => {
  const outcome = await exec("echo out; echo err >&2; exit 7");
  assert.deepEqual(
    [outcome.ending, outcome.exitCode, outcome.signal, outcome.processEnded],
    ["exit", 7, null, true],
  );
  assert.deepEqual([outcome.stdout.text, outcome.stderr.text], ["out\n", "err\n"]);
  assert.ok(outcome.durationMs >= 0);
});

sessionTest("exec() names the signal that ended the command", async ({ exec }) => {
  for (const name of ["KILL", "TERM", "ABRT"]) {
    const { ending, signal, exitCode } = await exec(`kill -${name} $$`);
    assert.deepEqual([ending, signal, exitCode], ["signal", name, null]);
  }
});

sessionTest("exec() passes on stdin, which is empty by default", async ({ exec }) => {
  assert.equal((await exec("cat")).stdout.text, "");
  assert.equal((await exec("cat", { stdin: "a\nb" })).stdout.text, "a\nb");
  assert.equal((await exec("read x; echo $?")).stdout.text, "1\n");
});

sessionTest("exec() keeps stdout and stderr separate and characters intact", async ({ exec }) => {
  const line = "äöü€😀".repeat(300);
  const { stdout, stderr } = await exec(
    `for i in $(seq 40); do printf '%s' '${line}'; printf '%s' '${line}' >&2; done`,
  );
  assert.equal(stdout.text, line.repeat(40));
  assert.equal(stderr.text, line.repeat(40));
}, { limits: { characterLimit: 1_000_000 } });

// The embedded host starts commands itself and not as children of the connection's process as sshd does,
// so no guard runs there and the end of a killed command is never confirmed.

/** Waits for the end of a command that has printed its pid. */
async function untilDead(pid: string): Promise<void> {
  assert.match(pid, /^[1-9]\d*\n$/);
  await until("the end of the command", () => !isAlive(Number(pid)));
}

timedTest(
  "exec() stops a command at its time limit and returns the output so far",
  async ({ started, expire }) => {
    const running = await started("echo $$; sleep 300");
    expire();
    const { ending, stdout, processEnded } = await running.outcome;
    assert.deepEqual([ending, processEnded], ["timeout", false]);
    await untilDead(stdout.text);
  },
);

timedTest("exec() stops a command that ignores TERM", async ({ started, expire }) => {
  const running = await started("trap '' TERM; echo $$; while :; do sleep 0.05; done");
  expire();
  const { ending, stdout, processEnded } = await running.outcome;
  assert.deepEqual([ending, processEnded], ["timeout", false]);
  await untilDead(stdout.text);
});

sessionTest("exec() stops a command on cancellation", async ({ exec }) => {
  const controller = new AbortController();
  const started = exec("echo ready; sleep 300", { signal: controller.signal });
  // When the second command is answered, the first one has started.
  await exec("true");
  controller.abort();
  const { ending, processEnded } = await started;
  assert.deepEqual([ending, processEnded], ["cancelled", false]);
});

sessionTest(
  "exec() does not start a command that was canceled before",
  async ({ exec, host }) => {
    await assert.rejects(exec("touch started", { signal: AbortSignal.abort() }), {
      code: "cancelled",
    });
    await exec("true");
    assert.deepEqual([...Deno.readDirSync(host.directory)], []);
  },
);

{
  const held = Promise.withResolvers<void>();
  const answerExec = (command: string) => {
    if (command !== "held") return "start";
    held.resolve();
    return "hold";
  };
  timedTest(
    "exec() does not claim that a requested command was not started",
    async ({ exec, expire }) => {
      const running = exec("held", { timeoutMs: 60_000 });
      running.catch(() => {}); // reported below
      await held.promise;
      expire();
      await assert.rejects(running, {
        code: "timeout",
        message:
          "The host did not start the command within 60 seconds; if it starts later, it is stopped at once",
      });
    },
    { host: { answerExec } },
  );
}

sessionTest(
  "exec() returns although a daemon holds the output, and the daemon lives on",
  async ({ exec }) => {
    const { stdout, ending } = await exec("sleep 300 & echo $!");
    assert.equal(ending, "exit");
    assert.equal(isAlive(Number(stdout.text)), true);
  },
);

timedTest(
  "exec() reports a lost connection with the output before it",
  async ({ started, host }) => {
    const running = await started("echo before; sleep 300");
    host.dropConnections();
    const { ending, exitCode, stdout, processEnded } = await running.outcome;
    assert.deepEqual([ending, exitCode, processEnded], ["connection_lost", null, false]);
    assert.equal(stdout.text, "before\n");
  },
);

sessionTest("exec() works again after the connection was lost", async ({ exec, host }) => {
  await exec("true");
  for (let turn = 1; turn <= 3; turn++) {
    host.dropConnections();
    assert.equal((await exec(`echo ${turn}`)).stdout.text, `${turn}\n`);
  }
  assert.equal(host.connectionCount(), 4);
});

sessionTest(
  "exec() ends within its limit when the host is frozen, and works afterwards",
  async ({ exec, host }) => {
    await exec("true");
    host.freeze();
    const began = performance.now();
    await assert.rejects(exec("true", { timeoutMs: 800 }), (error: { code: string }) => {
      assert.ok(["timeout", "connection_lost", "unreachable"].includes(error.code), error.code);
      return true;
    });
    assert.ok(performance.now() - began < 10_000);
    host.thaw();
    assert.equal((await exec("echo again")).stdout.text, "again\n");
  },
);

sessionTest(
  "exec() ends each of many calls to a host that does not answer within its own limit",
  async ({ exec, host }) => {
    host.freeze();
    const limits = [300, 600, 900, 1_200];
    const ended: number[] = [];
    const began = performance.now();
    await Promise.all(limits.map(async (timeoutMs) => {
      await assert.rejects(exec("true", { timeoutMs }), { code: "timeout" });
      ended.push(timeoutMs);
      const took = performance.now() - began;
      assert.ok(took >= timeoutMs - 50 && took < 10_000, `${timeoutMs}: ${took}`);
    }));
    assert.deepEqual(ended, limits);
    host.thaw();
  },
);

for (const maxSessions of [1, 2, 3, 10]) {
  sessionTest(
    `exec() runs 50 calls at once on a host that allows ${maxSessions} sessions`,
    async ({ exec, host }) => {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) => exec(`sleep 0.05; echo ${index}`)),
      );
      assert.deepEqual(answers.map(({ stdout }) => stdout.text), answers.map((_, at) => `${at}\n`));
      assert.ok(host.connectionCount() <= 12, `${host.connectionCount()} connections`);
      assert.ok(host.sessionsPeak() <= maxSessions);
    },
    { host: { maxSessions } },
  );

  timedTest(
    `exec() can stop commands when all ${maxSessions} sessions are taken`,
    async ({ started, expire }) => {
      const all = Array.from(
        { length: maxSessions * 2 },
        () => started("echo $$; exec sleep 300"),
      );
      const calls = (await Promise.all(all)).map(({ outcome }) => outcome);
      expire();
      for (const { ending, processEnded, stdout } of await Promise.all(calls)) {
        assert.deepEqual([ending, processEnded], ["timeout", false]);
        await untilDead(stdout.text);
      }
    },
    { host: { maxSessions } },
  );
}

sessionTest("exec() always says what a silent host has not done", async ({ exec, host }) => {
  host.freeze();
  const limits = Array.from({ length: 100 }, (_, index) => 100 + index);
  await Promise.all(limits.map(async (timeoutMs) => {
    const says = { code: "timeout", message: /^The host did not answer within / };
    await assert.rejects(exec("true", { timeoutMs }), says);
  }));
  host.thaw();
});

sessionTest(
  "exec() names a silent host also if its own time limit expires before that of the connection",
  async (place) => {
    const { host, directory } = place;
    host.freeze();
    const clock = new FakeClock();
    const session = new RemoteHost(settingsOf(host, directory), createLogger("error"), clock);
    const { signal } = new AbortController();
    const running = session.exec({ command: "true", timeoutMs: 60_000 }, signal, undefined);
    running.catch(() => {}); // reported below
    await until("the limit", () => clock.remainingMs.includes(60_000));
    clock.advance(60_000);
    await assert.rejects(running, {
      code: "timeout",
      message: /^The host did not answer within 60 /,
    });
    await session.close(1_000);
    host.thaw();
  },
);

sessionTest("exec() uses one connection for consecutive calls", async ({ exec, host }) => {
  for (let turn = 0; turn < 20; turn++) await exec("true");
  assert.equal(host.connectionCount(), 1);
});

timedTest(
  "exec() reports an unconfirmed end when the host ignores signals",
  async ({ started, expire }) => {
    const running = await started("echo begun; sleep 300");
    expire();
    const { ending, processEnded } = await running.outcome;
    assert.deepEqual([ending, processEnded], ["timeout", false]);
  },
  { host: { ignoreSignals: true } },
);

sessionTest("exec() slows down a flooding command by backpressure", async (place) => {
  const { outcome, growth } = await flood(place, 300);
  assert.equal(outcome.ending, "exit");
  assert.equal(outcome.stdout.originalLength, 300 * 1_048_576);
  // What the garbage collector has not freed yet counts as well: 70 to 90 MB.
  assert.ok(growth < 200_000_000, `memory grew by ${growth} bytes`);
});

/** Memory of client and host together, because the host runs in this isolate too. */
async function flood({ exec }: SessionPlace, megabytes: number) {
  await exec("yes | head -c 20000000");
  const before = isolateBytes();
  let most = before;
  const watch = setInterval(() => most = Math.max(most, isolateBytes()), 20);
  const outcome = await exec(`yes | head -c ${megabytes * 1_048_576}`);
  clearInterval(watch);
  return { outcome, growth: most - before };
}

/** The process also runs other files. */
function isolateBytes(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

sessionTest("exec() reports bytes and last lines once a second", async ({ session, exec }) => {
  const controller = new AbortController();
  const step = Promise.withResolvers<{ bytes: number; tail: string }>();
  const running = session.exec(
    { command: "echo one; echo two; sleep 300", timeoutMs: 30_000 },
    controller.signal,
    (seen) => seen.bytes >= 8 && step.resolve(seen),
  );
  assert.deepEqual(await step.promise, { bytes: 8, tail: "one\ntwo" });
  controller.abort();
  await running;
  await exec("true");
});

for (const ident of ["OpenSSH_9.2p1 Debian-2+deb12u10", "Cisco-1.25"]) {
  sessionTest(
    `exec() returns the output of a host that sends no exit status, and keeps the connection (${ident})`,
    async ({ exec, host }) => {
      for (const text of ["one", "two"]) {
        const { ending, exitCode, signal, stdout, processEnded } = await exec(`echo ${text}`);
        assert.deepEqual([ending, exitCode, signal, processEnded], [
          "no_status",
          null,
          null,
          false,
        ]);
        assert.equal(stdout.text, `${text}\n`);
      }
      assert.equal(host.connectionCount(), 1);
    },
    { host: { hidesExits: true, ident } },
  );
}
