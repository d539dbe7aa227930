import assert from "node:assert/strict";
import type { ExecOutcome } from "../../src/ssh/port.ts";
import { startDelayProxy } from "./delay_proxy.ts";
import {
  alive,
  furnish,
  LOGIN_KINDS,
  newTag,
  openSession,
  tagged,
  untilAlive,
  untilStarted,
} from "./openssh.ts";
import { openSshClient } from "./openssh_client.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { until } from "../support/until.ts";
import { processesOf } from "./processes.ts";
import { peerTest, SSH_CLIENT, SSHD } from "./require.ts";
import { startSshd } from "./sshd.ts";

/** Commands with the same result in every shell, including csh. */
const COMMANDS = [
  "true",
  "false",
  "sh -c 'exit 7'",
  "sh -c 'exit 255'",
  "no-such-program-here",
  "/etc/passwd",
  "echo out; echo err >/dev/stderr",
  "printf 'no newline'",
  "printf 'a\\0b\\n' | od -c",
  `echo "two  words" 'single "quoted"' back\\ slash`,
  "echo $0",
  "echo *nothing-like-this* /etc/host[n]ame",
  "cat; echo stdin is at its end",
  "sh -c 'read line; echo read says $?'",
  "pwd",
  "id -un",
  "env | grep -v -e ^SSH_ -e ^_= | sort",
  "sh -c 'ls -l /proc/self/fd | wc -l'",
  "tty",
  "ps -o pgid=,sid= -p $$ | awk '{print ($1 == $2)}'",
  "sh -c 'trap' ",
  "umask",
  "sh -c 'sleep 0.05; echo late' | cat",
  "echo ü€😀 | od -An -tx1",
];

/** Commands for shells of the Bourne family. */
const BOURNE_COMMANDS = [
  "exit 42",
  "echo first\necho second\n\nexit 3",
  "cat <<END\nline one of $USER\n  line two\nEND\necho after",
  "true\ntrue\nno_such_command_on_line_3",
  "true\nif true; then\n",
  "echo 'open quote",
  "x='a\nb'; printf '%s|' \"$x\"",
  "f() { echo \"f $# $1\"; }; f 'a b' c",
  "for i in 1 2 3; do echo $i; done | tail -1",
  "(exit 9); echo $?",
  "set -e; false; echo not reached",
  "echo $$ | grep -c . ; echo $#",
  "echo a # a comment",
  "echo a &\nwait",
  "{ echo one; echo two >&2; } 2>&1",
  "exec echo replaced",
  "kill -TERM $$ & wait; :",
  ": '!'; echo 'a!b'",
  "-x; echo $?",
];

for (const kind of LOGIN_KINDS) {
  peerTest({
    peer: [SSHD, SSH_CLIENT, ...kind.peers],
    name: `exec() returns what the OpenSSH client returns (${kind.name})`,
    async fn() {
      await using sshd = await startSshd(kind.options);
      await furnish(sshd, kind);
      await using session = await openSession(sshd);
      await using client = await openSshClient(sshd);
      const isBourne = !/fish|tcsh/.test(kind.name);
      const isSlow = kind.startFile !== undefined;
      const list = [...COMMANDS, ...(isBourne ? BOURNE_COMMANDS : [])]
        .filter((_, index) => !isSlow || index % 4 === 0);
      for (let at = 0; at < list.length; at += 4) {
        await Promise.all(
          list.slice(at, at + 4).map(async (command) => {
            const [own, expected] = await Promise.all([
              session.exec(command),
              client.run(command),
            ]);
            assert.deepEqual({ command, ...clientView(own) }, { command, ...expected });
          }),
        );
      }
    },
  });
}

/** Converts an outcome to what the OpenSSH client shows, which reports a signal by an exit code. */
function clientView({ exitCode, signal, stdout, stderr, ending }: ExecOutcome) {
  assert.ok(ending === "exit" || ending === "signal", ending);
  return { code: signal === null ? exitCode : 255, stdout: stdout.text, stderr: stderr.text };
}

peerTest({
  peer: SSHD,
  name: "exec() distinguishes exit status and signal",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd);
    for (const code of [0, 1, 124, 137, 143, 255]) {
      const { ending, exitCode, signal, processEnded } = await session.exec(`exit ${code}`);
      assert.deepEqual({ ending, exitCode, signal, processEnded }, {
        ending: "exit",
        exitCode: code,
        signal: null,
        processEnded: true,
      });
    }
    for (const name of ["KILL", "TERM", "SEGV"]) {
      const { ending, exitCode, signal, processEnded } = await session.exec(`kill -${name} $$`);
      assert.deepEqual({ ending, exitCode, signal, processEnded }, {
        ending: "signal",
        exitCode: null,
        signal: name,
        processEnded: true,
      });
    }
  },
});

peerTest({
  peer: SSHD,
  name: "exec() never misses the exit code of a command that ends at once",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd);
    for (let round = 0; round < 8; round++) {
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, (_, index) => session.exec(`exit ${index}`)),
      );
      assert.deepEqual(outcomes.map((each) => each.exitCode), [0, 1, 2, 3, 4, 5, 6, 7]);
    }
  },
});

peerTest({
  peer: SSHD,
  name: "exec() distinguishes a lost connection from an end",
  async fn() {
    await using sshd = await startSshd();
    await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 0 });
    await using session = await openSession(sshd, { port: proxy.port });
    const tag = newTag();
    const running = session.exec(tagged(tag, "echo before; exec sleep 4000"));
    await untilAlive(tag);
    // The host answers in order, so it has already reported the start of the first command.
    await session.exec("true");
    proxy.cut();
    const { ending, exitCode, signal, processEnded } = await running;
    assert.deepEqual({ ending, exitCode, signal, processEnded }, {
      ending: "connection_lost",
      exitCode: null,
      signal: null,
      processEnded: false,
    });
    assert.equal((await session.exec("echo again")).stdout.text, "again\n");
  },
});

peerTest({
  peer: SSHD,
  name: "exec() returns the output so far after a timeout and a cancellation",
  async fn() {
    await using sshd = await startSshd();
    const clock = new FakeClock();
    await using session = await openSession(sshd, { clock });
    const isSleeping = () => processesOf(sshd.uid).some((pid) => isSleep(pid));
    const script = "echo out; echo err >&2; exec sleep 4000";
    const slow = session.exec(script, { timeoutMs: 60_000 });
    await until("sleep", isSleeping);
    await untilStarted(clock, 1);
    clock.advance(60_000);
    const late = await slow;
    assert.deepEqual([late.ending, late.stdout.text, late.stderr.text, late.exitCode], [
      "timeout",
      "out\n",
      "err\n",
      null,
    ]);
    const controller = new AbortController();
    const tag = newTag();
    const running = session.exec(tagged(tag, script), {}, controller.signal);
    await until("sleep", isSleeping);
    await untilStarted(clock, 1);
    controller.abort();
    const { ending, stdout, stderr, processEnded } = await running;
    assert.deepEqual([ending, stdout.text, stderr.text, processEnded], [
      "cancelled",
      "out\n",
      "err\n",
      true,
    ]);
  },
});

peerTest({
  peer: SSHD,
  name: "exec() decodes UTF-8 that is split between packets",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd, { characterLimit: 1_000_000 });
    const pieces =
      "printf '\\360\\237'; sleep 0.1; printf '\\230'; sleep 0.1; printf '\\200\\303'; " +
      "sleep 0.1; printf '\\274'";
    assert.equal(await session.read(pieces), "😀ü");
    const text = await session.read("yes €uro😀 | head -n 80000");
    assert.equal(text, "€uro😀\n".repeat(80_000));
  },
});

peerTest({
  peer: SSHD,
  name: "exec() accepts 5 MB of stderr and reports what it cut",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd);
    const { exitCode, stdout, stderr } = await session.exec(
      "head -c 5000000 /dev/zero | tr '\\0' e >&2; echo done; exit 3",
    );
    assert.deepEqual([exitCode, stdout.text, stderr.truncated, stderr.originalLength], [
      3,
      "done\n",
      true,
      5_000_000,
    ]);
    assert.ok(stderr.text.length <= 25_250);
  },
});

peerTest({
  peer: SSHD,
  name: "exec() passes on stdin and its end, even to a command that does not read it",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd);
    const stdin = "ü line\n".repeat(50_000);
    const counted = await session.exec("wc -c", { stdin });
    assert.equal(counted.stdout.text.trim(), String(new TextEncoder().encode(stdin).length));
    assert.equal((await session.exec("exec 0<&-; exit 4", { stdin })).exitCode, 4);
  },
});

peerTest({
  peer: SSHD,
  name: "exec() returns soon when a background child keeps the output open",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd);
    const tag = newTag();
    // Otherwise it would end at its time limit.
    const { ending, exitCode, stdout } = await session.exec(
      tagged(tag, "sleep 4000 & echo started; exit 5"),
    );
    assert.deepEqual([ending, exitCode, stdout.text], ["exit", 5, "started\n"]);
    assert.equal(alive(tag).length, 1);
  },
});

peerTest({
  peer: SSHD,
  name: "exec() waits for the output that a short-lived background child still writes",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd);
    const { stdout } = await session.exec(
      "(i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo $i; done) &",
    );
    const lines = Array.from({ length: 3_000 }, (_, index) => `${index + 1}\n`);
    assert.equal(stdout.text, lines.join(""));
  },
});

peerTest({
  peer: SSHD,
  name: "exec() works over a link with 20 ms each way",
  async fn() {
    await using sshd = await startSshd();
    await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 20 });
    await using session = await openSession(sshd, { port: proxy.port });
    assert.equal(await session.read("echo first"), "first\n");
    // The guard of the new connection may send something meanwhile, so the best of some counts.
    const flights: number[] = [];
    for (let n = 0; n < 30 && !flights.some((each) => each <= 6); n++) {
      const before = proxy.traffic().flights;
      assert.equal(await session.read("echo second"), "second\n");
      flights.push(proxy.traffic().flights - before);
    }
    // Two turns each for opening the channel and for the command, and one for late messages.
    assert.ok(Math.min(...flights) <= 6, `${flights}`);
  },
});

function isSleep(pid: number): boolean {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/comm`) === "sleep\n";
  } catch {
    return false;
  }
}
