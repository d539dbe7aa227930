import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { ClientChannel } from "ssh2";
import { ProcessOrder, stopCommand } from "../../../../src/ssh/worker/commands/stop_command.ts";
import { termOnlyCommand } from "../../../../src/ssh/worker/commands/term_only_command.ts";
import type { Guard } from "../../../../src/ssh/worker/commands/guard.ts";
import { until } from "../../../support/until.ts";
import { timedTest } from "../../../support/timed_commands.ts";
import { temporaryDirectory } from "../../../support/temporary_directory.ts";
import { BUSYBOX, peerTest } from "../../../peers/require.ts";

/** The `sh` of Debian, Red Hat and Alpine. */
const SHELLS = ["/usr/bin/dash", "/usr/bin/bash", "/usr/bin/busybox"];

/**
 * Prints that it has begun, counts its TERM signals, prints on each, and after the first one waits for the
 * file `go` and writes `done`.
 */
const TIDY =
  `exec 2>/dev/null; trap 'n=$((n+1)); : >"$D/told"; echo told' TERM; n=0; echo begun; ` +
  `while [ $n = 0 ]; do sleep 1 >/dev/null & wait $!; done; ` +
  `until [ -e "$D/go" ]; do sleep 0.02; done; ` +
  `echo tidied; echo "told $n times" > "$D/done"; exit 7`;

interface Running {
  readonly child: Deno.ChildProcess;
  readonly dir: string;
  /** Returns the content of the command's file `done`. */
  done(): string | undefined;
}

function shellTest(name: string, command: string, work: (running: Running) => Promise<void>): void {
  for (const shell of SHELLS) {
    const isBusybox = shell === SHELLS.at(-1);
    const fn = async () => {
      using dir = temporaryDirectory();
      Deno.symlinkSync(shell, `${dir.path}/sh`);
      const child = new Deno.Command("setsid", {
        args: [`${dir.path}/sh`, "-c", termOnlyCommand(command)],
        env: { PATH: `${dir.path}:/usr/bin:/bin`, D: dir.path },
        clearEnv: true,
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const done = () => {
        try {
          return Deno.readTextFileSync(`${dir.path}/done`);
        } catch {
          return undefined;
        }
      };
      await work({ child, dir: dir.path, done });
    };
    peerTest({
      name: `${name} (${shell.replace(/.*\//, "")})`,
      peer: isBusybox ? BUSYBOX : [],
      fn,
    });
  }
}

const decode = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

shellTest(
  "termOnlyCommand() passes on streams and exit code",
  `echo out; echo "it's" >&2; exit 42`,
  async ({ child }) => {
    const { code, stdout, stderr } = await child.output();
    assert.deepEqual([code, decode(stdout), decode(stderr)], [42, "out\n", "it's\n"]);
  },
);

shellTest(
  "termOnlyCommand() sends TERM to the command only once",
  TIDY,
  async ({ child, dir, done }) => {
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    assert.equal((await reader.read()).value, "begun\n");
    Deno.kill(-child.pid, "SIGTERM");
    assert.equal((await reader.read()).value, "told\n");
    Deno.kill(-child.pid, "SIGTERM");
    Deno.kill(-child.pid, "SIGHUP");
    Deno.writeTextFileSync(`${dir}/go`, "");
    assert.equal((await reader.read()).value, "tidied\n");
    assert.equal((await child.status).code, 7);
    assert.equal(done(), "told 1 times\n");
    await Promise.all([reader.cancel(), child.stderr.cancel()]);
  },
);

shellTest(
  "termOnlyCommand() lets the command clean up when its output is closed and its session killed",
  TIDY,
  async ({ child, dir, done }) => {
    const reader = child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    await child.stderr.cancel();
    Deno.kill(-child.pid, "SIGTERM");
    await until("it was told", () => existsSync(`${dir}/told`));
    Deno.kill(-child.pid, "SIGKILL");
    assert.equal((await child.status).signal, "SIGKILL");
    assert.equal(done(), undefined);
    Deno.writeTextFileSync(`${dir}/go`, "");
    await until("it has tidied up", () => done() === "told 1 times\n");
  },
);

timedTest(
  "exec() does not kill a command with graceMs, and reports that it may still run",
  async ({ started, expire, directory }) => {
    const command = `trap '' TERM; echo $$; while [ ! -e ${directory}/go ]; do sleep 0.02; done`;
    const running = await started(command, { graceMs: 1_500 });
    expire();
    const { ending, processEnded, stdout } = await running.outcome;
    assert.deepEqual([ending, processEnded], ["timeout", false]);
    const pid = Number(stdout.text);
    assert.ok(Deno.statSync(`/proc/${pid}`).isDirectory);
    Deno.writeTextFileSync(`${directory}/go`, "");
    await until("it has ended", () => !isAlive(pid));
  },
);

function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

/** A channel that records the signals it is asked to send. */
function channelWith(onSignal: (close: () => void) => void) {
  const sent: string[] = [];
  let close = () => {};
  const channel = {
    once: (_event: string, listener: () => void) => void (close = listener),
    signal(name: string) {
      sent.push(name);
      onSignal(close);
    },
  } as unknown as ClientChannel; // only the parts that are used
  return { channel, sent };
}

Deno.test("stopCommand() sends only TERM to a command with graceMs if there is no guard", async () => {
  const order = new ProcessOrder();
  const ends = { guard: undefined, order, isAlive: () => true };
  const spared = channelWith((close) => close());
  assert.equal(await stopCommand(spared.channel, { ...ends, graceMs: 60_000 }), true);
  assert.deepEqual(spared.sent, ["TERM"]);
  const other = channelWith((close) => close());
  await stopCommand(other.channel, { ...ends, graceMs: undefined });
  assert.deepEqual(other.sent, ["KILL"]);
  const silent = channelWith(() => {});
  assert.equal(await stopCommand(silent.channel, { ...ends, graceMs: 10 }), false);
});

Deno.test("stopCommand() does not wait twice for a guard that does not answer", async () => {
  const { channel, sent } = channelWith(() => {});
  const order = { identify: () => Promise.resolve("7:1"), isRunning: () => true };
  const guard = { end: () => Promise.resolve(undefined) };
  const ended = await stopCommand(channel, {
    guard: guard as unknown as Guard, // only the parts that are used
    order: order as unknown as ProcessOrder,
    isAlive: () => true,
    graceMs: 60_000,
  });
  assert.deepEqual([ended, sent], [false, []]);
});
