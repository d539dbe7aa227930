/** Jobs on this machine, in different shells and on odd hosts. */
import assert from "node:assert/strict";
import { cancelled, RemoteExecError } from "../../../../src/errors.ts";
import { connectionLost, noChannelInTime } from "../../../../src/ssh/errors.ts";
import type { JobRead, JobRequest } from "../../../../src/ssh/jobs/port.ts";
import type { ExecOutcome, ExecRequest } from "../../../../src/ssh/port.ts";
import type { ExecContext } from "../../../../src/ssh/worker/commands/exec.ts";
import { runAttended } from "../../../../src/ssh/worker/jobs/attended_exec.ts";
import { cutMatches, HostJobs } from "../../../../src/ssh/worker/jobs/host_jobs.ts";
import { jobLine } from "../../../../src/ssh/worker/jobs/job_start.ts";
import { PROCESSES } from "../../../../src/ssh/worker/jobs/portable.ts";
import { type HostContext, runOnHost } from "../../../../src/ssh/worker/jobs/run_on_host.ts";
import type { StartedCommand } from "../../../../src/ssh/worker/commands/started_command.ts";
import { BUSYBOX, peer, peerTest, ROOT } from "../../../peers/require.ts";
import { run } from "../../../peers/account.ts";
import { aliveWithMarker, sendSignal } from "../../../peers/processes.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { startLocally } from "../../../support/local_command.ts";
import { pure } from "../../../support/pure.ts";
import { temporaryDirectory } from "../../../support/temporary_directory.ts";
import { until } from "../../../support/until.ts";
import { writeExecutable } from "../../../support/executable.ts";

const { signal } = new AbortController();
const PERL = peer("perl", "/usr/bin/perl", "perl-base");
const BASH = peer("bash", "/bin/bash");
const PS = peer("ps", "/usr/bin/ps", "procps");

/** A host made of a home directory and a directory of programs. */
class LocalHost implements Disposable {
  readonly #root = temporaryDirectory();
  readonly home = `${this.#root.path}/home`;
  readonly bin = `${this.#root.path}/bin`;
  readonly settings = { maxOutputBytes: 1_000_000, keepMs: 3_600_000, sweeps: true };
  readonly env: Record<string, string> = { HOME: this.home, PATH: this.bin, SHELL: "/bin/sh" };
  /** Changes a command line, to make the host an odd one. */
  edit = (line: string): string => line;

  constructor() {
    Deno.mkdirSync(this.home);
    Deno.mkdirSync(this.bin);
    this.provide("sh", "/bin/sh");
    const tools =
      "cat mkdir ls rm mv date sleep wc head tail tee tr dd id grep find ps env seq yes";
    for (const tool of [...tools.split(" "), "setsid"]) this.provide(tool);
  }

  get jobs(): HostJobs {
    const { settings } = this;
    return new HostJobs({ settings, limitMs: 30_000, start: (line) => this.start(line) });
  }

  start(line: string) {
    return Promise.resolve(startLocally(this.edit(line), this.env));
  }

  exec(
    command: string,
    { signal: own = signal, progress, clock, ...request }: Partial<ExecRequest & ExecContext> = {},
  ): Promise<ExecOutcome> {
    const all = { command, timeoutMs: 60_000, answerWithinMs: 30_000, ...request };
    return runAttended(all, {
      ...{ signal: own, progress, settings: this.settings, characterLimit: 1_000 },
      ...(clock === undefined ? {} : { clock }),
      startedAt: performance.now(),
      start: (line) => this.start(line),
    });
  }

  provide(name: string, to = `/usr/bin/${name}`): void {
    this.remove(name);
    Deno.symlinkSync(to, `${this.bin}/${name}`);
  }

  remove(name: string): void {
    try {
      Deno.removeSync(`${this.bin}/${name}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  startJob(command: string, request: Partial<JobRequest> = {}) {
    return this.jobs.start({ command, shown: command, maxRuntimeMs: 60_000, ...request }, signal);
  }

  async read(id: string, read: Partial<JobRead> = {}) {
    const wanted = { id, stream: "stdout", from: 0, maxBytes: 10_000, waitMs: 0, ...read } as const;
    const { bytes, ...page } = await this.jobs.read(wanted, signal);
    return { ...page, text: new TextDecoder().decode(bytes) };
  }

  /** Waits for the end of a job and returns its facts. */
  async ended(id: string) {
    let { facts } = await this.read(id);
    await until("the end of the job", async () => {
      facts = (await this.read(id)).facts;
      return facts.state !== "running";
    }, 30_000);
    return facts;
  }

  async states(): Promise<string[]> {
    return (await this.jobs.list(signal)).map(({ state }) => state);
  }

  get directory(): string {
    return `${this.home}/.local/state/mcp-remote-exec/jobs`;
  }

  /** Also kills what still runs: a job would outlive a test that failed. */
  [Symbol.dispose](): void {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let turn = 0; turn < 3_000; turn++) {
      const pids = aliveWithMarker(this.#root.path);
      if (pids.length === 0) break;
      for (const pid of pids) sendSignal(pid, "SIGKILL");
      // What dies may still write into the directory.
      Atomics.wait(pause, 0, 0, 10);
    }
    this.#root[Symbol.dispose]();
  }
}

const outputOf = ({ channel }: StartedCommand): ReadableStream<Uint8Array> =>
  ReadableStream.from<Uint8Array>(channel);

const failure = async (work: Promise<unknown>): Promise<RemoteExecError> => {
  const error = await work.then(() => undefined, (reason: unknown) => reason);
  assert.ok(error instanceof RemoteExecError, `${error}`);
  return error;
};

const HOSTS: readonly { name: string; peers: typeof ROOT[]; make(host: LocalHost): void }[] = [
  { name: "sh", peers: [], make() {} },
  { name: "bash as sh", peers: [BASH], make: (host) => host.provide("sh", "/bin/bash") },
  {
    name: "busybox",
    peers: [BUSYBOX],
    make(host) {
      for (const { name } of [...Deno.readDirSync(host.bin)]) {
        host.provide(name, "/usr/bin/busybox");
      }
    },
  },
  {
    name: "no setsid",
    peers: [PERL],
    make(host) {
      host.remove("setsid");
      host.provide("perl");
    },
  },
  {
    name: "no /proc",
    peers: [PS],
    make: (host) => host.edit = (line) => line.replaceAll("/proc/", "/no_proc/"),
  },
];

for (const { name, peers, make } of HOSTS) {
  peerTest({
    peer: peers,
    name: `a job runs, is read and ends (${name})`,
    async fn() {
      using host = new LocalHost();
      make(host);
      const { facts } = await host.startJob("echo out; echo err >&2; exit 3", {
        name: "a \u{1f600} name",
      });
      const ended = await host.ended(facts.id);
      assert.deepEqual(
        [ended.state, ended.exitCode, ended.signal, ended.name, ended.stdoutBytes],
        ["exited", 3, null, "a \u{1f600} name", 4],
      );
      assert.equal((await host.read(facts.id, { stream: "stderr" })).text, "err\n");
      const short = await host.exec("echo out; echo err >&2; kill -KILL $$");
      assert.deepEqual([short.ending, short.signal, short.stdout.text, short.stderr.text], [
        "signal",
        "KILL",
        "out\n",
        "err\n",
      ]);
      const code = await host.exec("exit 137");
      assert.deepEqual([code.ending, code.exitCode], ["exit", 137]);
      const endless = await host.startJob("sleep 3000 & sleep 4000");
      const stopped = await host.jobs.stop(endless.facts.id, signal);
      assert.deepEqual([stopped.facts.state, stopped.processEnded], ["stopped", true]);
      assert.deepEqual((await host.states()).sort(), ["exited", "stopped"]);
    },
  });

  peerTest({
    peer: peers,
    name: `a job's output is bounded, and ends at its max runtime (${name})`,
    async fn() {
      using host = new LocalHost();
      make(host);
      const limited = await host.startJob("exec sleep 3000", { maxRuntimeMs: 3_000 });
      const { facts } = await host.startJob("yes | head -c 1500000; echo done >&2");
      const ended = await host.ended(facts.id);
      assert.deepEqual([ended.state, ended.stderrBytes], ["exited", 5]);
      // The limit is rounded up to blocks of 512 bytes.
      assert.deepEqual([ended.stdoutBytes, ended.droppedBytes], [1_000_448, 499_552]);
      const late = await host.ended(limited.facts.id);
      assert.deepEqual([late.state, late.signal], ["timed_out", "TERM"]);
    },
  });

  peerTest({
    peer: peers,
    name: `a job's output is read by lines and by a pattern (${name})`,
    async fn() {
      using host = new LocalHost();
      make(host);
      const { facts: { id } } = await host.startJob("seq 100000; printf 'last 99999'");
      await host.ended(id);
      const size = 588_895 + 10;
      const part = await host.read(id, { from: 2, maxBytes: 5 });
      assert.deepEqual([part.text, part.next], ["2\n3\n4", 7]);
      const far = await host.read(id, { from: 70_000, maxBytes: 6 });
      assert.equal(far.next, 70_006);
      const tail = await host.read(id, { tailLines: 2 });
      assert.deepEqual([tail.text, tail.next], ["100000\nlast 99999", size]);
      const found = await host.read(id, { grep: "^9999[0-2]$" });
      assert.deepEqual([found.text, found.next], ["99990\n99991\n99992\n", size]);
      const last = await host.read(id, { grep: "99999$", tailLines: 1 });
      assert.deepEqual([last.text.trim(), last.next], ["last 99999", size]);
      const fitting = await host.read(id, { grep: "9998[89]", tailLines: 5, maxBytes: 8 });
      assert.equal(fitting.text, "99989\n");
      const most = await host.read(id, { grep: "7$", maxBytes: 100_000, tailLines: 5_000 });
      assert.equal(most.text.split("\n").length, 1_001);
      const many = await host.read(id, { grep: "7$", maxBytes: 100_000 });
      assert.equal(many.text.split("\n").length, 1_001);
      assert.equal(many.text.endsWith("\n9997\n"), true);
      const next = await host.read(id, { grep: "7$", from: many.next, maxBytes: 6 });
      assert.equal(next.text, "10007\n");
      const bad = await failure(host.read(id, { grep: "\\(" }));
      assert.equal(bad.code, "invalid_argument");
    },
  });
}

Deno.test("waiting returns at new output and at the end", async () => {
  using host = new LocalHost();
  const go = `${host.home}/go`;
  const { facts: { id } } = await host.startJob(
    `echo one; while [ ! -e ${go} ]; do sleep 0.05; done; echo two; exit 1`,
  );
  const first = await host.read(id, { waitMs: 30_000 });
  assert.equal(first.text, "one\n");
  const nothing = await host.read(id, { from: 4, waitMs: 100 });
  assert.deepEqual([nothing.text, nothing.next, nothing.facts.state], ["", 4, "running"]);
  const second = host.read(id, { from: 4, waitMs: 30_000 });
  Deno.writeTextFileSync(go, "");
  assert.equal((await second).text, "two\n");
  const end = await host.read(id, { from: 8, waitMs: 30_000 });
  assert.deepEqual([end.text, end.next, end.facts.state, end.facts.exitCode], ["", 8, "exited", 1]);
});

Deno.test("a search in a running job leaves the line that is being written", async () => {
  using host = new LocalHost();
  const { facts: { id } } = await host.startJob("printf 'ab\\nabc'; exec sleep 3000");
  await until("the output", async () => (await host.read(id)).text === "ab\nabc", 30_000);
  const found = await host.read(id, { grep: "b" });
  assert.deepEqual([found.text, found.next], ["ab\n", 3]);
  await host.jobs.stop(id, signal);
  const rest = await host.read(id, { grep: "b", from: found.next });
  assert.deepEqual([rest.text.trim(), rest.next], ["abc", 6]);
});

Deno.test("a search waits for the end of the line that is being written", async () => {
  using host = new LocalHost();
  const go = `${host.home}/go`;
  const { facts: { id } } = await host.startJob(
    `printf 'ab\\nabc'; while [ ! -e ${go} ]; do sleep 0.05; done; echo`,
  );
  await until("the output", async () => (await host.read(id)).text === "ab\nabc", 30_000);
  const found = host.read(id, { grep: "b", from: 3, waitMs: 30_000 });
  Deno.writeTextFileSync(go, "");
  const { text, next } = await found;
  assert.deepEqual([text, next], ["abc\n", 7]);
});

Deno.test("the last lines of a job do not begin inside a character", async () => {
  using host = new LocalHost();
  const { facts: { id } } = await host.startJob("printf 'a\\360\\237\\230\\200b\\n'");
  await host.ended(id);
  assert.equal((await host.read(id, { tailLines: 1, maxBytes: 5 })).text, "b\n");
});

Deno.test("a host that sends too much of an output is not read to the end", async () => {
  using host = new LocalHost();
  const { facts: { id } } = await host.startJob("echo out");
  await host.ended(id);
  host.edit = (line) => line.replaceAll("head -c $3", "yes");
  assert.equal((await host.read(id, { maxBytes: 10 })).text.length, 10 + 65_536);
});

Deno.test("the unwanted start of the streams is not part of them", async () => {
  using host = new LocalHost();
  const command = "printf 'noise\\nmore\\036started\\nout\\n'; " +
    "printf 'noise\\n\\036entered\\nerr\\n' >&2; exit 3";
  const marks = { hasStartMark: true, stderrMark: "\x1eentered\n" };
  const { facts } = await host.startJob(command, marks);
  const { stdoutBytes, stderrBytes } = await host.ended(facts.id);
  assert.deepEqual([stdoutBytes, stderrBytes], [4, 4]);
  assert.equal((await host.read(facts.id, { stream: "stderr" })).text, "err\n");
  const ended = await host.exec(command, marks);
  assert.deepEqual([ended.stdout.text, ended.stderr.text, ended.exitCode], [
    "out\n",
    "noise\n\x1eentered\nerr\n",
    3,
  ]);
  const clock = new FakeClock();
  let bytes = 0;
  const [answerWithinMs, timeoutMs] = [50_000_000, 60_000_000];
  const running = host.exec(`${command.replace("exit 3", "exec sleep 3000")}`, {
    ...{ ...marks, clock, answerWithinMs, timeoutMs, progress: (step) => bytes = step.bytes },
  });
  await until("its output", () => {
    clock.advance(1_000);
    return bytes === "out\nnoise\n\x1eentered\nerr\n".length;
  });
  clock.advance(answerWithinMs);
  const released = await running;
  assert.deepEqual(
    [released.ending, released.stdout.text, released.stdoutBytes, released.stderrBytes],
    ["running", "out\n", 4, 4],
  );
  await host.jobs.stop(released.jobId ?? "", signal);
  const error = await failure(host.exec("echo no; exit 5", marks));
  assert.match(error.message, /no/);
});

Deno.test("the unwanted start of stderr is shown once, however often the output is asked for", async () => {
  using host = new LocalHost();
  const go = `${host.home}/go`;
  const clock = new FakeClock();
  let steps = 0;
  const running = host.exec(
    `printf '\\036started\\n'; printf 'noise\\n\\036entered\\n' >&2; ` +
      `while [ ! -e ${go} ]; do sleep 0.05; done; echo err >&2`,
    {
      hasStartMark: true,
      stderrMark: "\x1eentered\n",
      clock,
      timeoutMs: 1e9,
      answerWithinMs: 9e8,
      progress: (step) => void (step.bytes > 0 && steps++),
    },
  );
  await until("some steps", () => {
    clock.advance(1_000);
    return steps >= 3;
  });
  Deno.writeTextFileSync(go, "");
  const { stderr, exitCode } = await running;
  assert.deepEqual([stderr.text, exitCode], ["noise\n\x1eentered\nerr\n", 0]);
});

Deno.test("the unwanted start of the streams is bounded", async () => {
  using host = new LocalHost();
  host.settings.maxOutputBytes = 102_400;
  const marks = { hasStartMark: true, stderrMark: "\x1eentered\n" };
  const { facts } = await host.startJob("yes | head -c 150000; yes | head -c 150000 >&2", marks);
  const ended = await host.ended(facts.id);
  const before = (stream: string) =>
    Deno.statSync(`${host.directory}/${facts.id}/${stream}.before`).size;
  assert.deepEqual([before("stdout"), before("stderr")], [2_000, 2_000]);
  assert.deepEqual([ended.stdoutBytes, ended.stderrBytes], [102_400, 102_400]);
  const long = "head -c 150000 /dev/zero | tr '\\0' x";
  const line = await host.startJob(long, marks);
  await host.ended(line.facts.id);
  const { size } = Deno.statSync(`${host.directory}/${line.facts.id}/stdout.before`);
  assert.equal(size, 102_400);
  const outcome = await host.exec(
    `printf '\\036started\\n'; ${long} >&2; printf '\\n\\036entered\\n' >&2`,
    marks,
  );
  assert.deepEqual([outcome.ending, outcome.stderr.originalLength], ["exit", 65_536 + 9]);
});

Deno.test("an attended command leaves nothing, and its long output is cut like any other", async () => {
  using host = new LocalHost();
  host.settings.maxOutputBytes = 100_000_000;
  const outcome = await host.exec("yes ü | head -c 9000000; exit 2");
  assert.deepEqual([outcome.exitCode, outcome.stdout.truncated, outcome.stdout.originalLength], [
    2,
    true,
    6_000_000,
  ]);
  assert.match(outcome.stdout.text, /^ü\n[^]*5999000 of 6000000 characters[^]*ü\n$/);
  assert.deepEqual([...Deno.readDirSync(host.directory)], []);
});

Deno.test("foreign things beside the jobs are never followed, listed or removed", async () => {
  using host = new LocalHost();
  const { facts } = await host.startJob("true");
  await host.ended(facts.id);
  const own = `${host.directory}/${facts.id}`;
  const ids = ["a", "b", "c", "d"].map((digit) => digit.repeat(32));
  const copy = `${host.home}/outside`;
  await run("/bin/cp", ["-a", own, copy]);
  const old = (text: string) => text.replace(/ \d{10} /, " 1000000000 ");
  const age = (dir: string) =>
    Deno.writeTextFileSync(`${dir}/status`, old(Deno.readTextFileSync(`${dir}/status`)));
  age(copy);
  Deno.symlinkSync(copy, `${host.directory}/${ids[0]}`);
  await run("/bin/cp", ["-a", copy, `${host.directory}/${ids[1]}`]);
  Deno.chmodSync(`${host.directory}/${ids[1]}`, 0o755);
  Deno.mkdirSync(`${host.directory}/${ids[2]}`, { mode: 0o700 });
  Deno.writeTextFileSync(`${host.directory}/${ids[3]}`, "");
  await run("/bin/cp", ["-a", copy, `${host.directory}/name`]);
  for (let index = 0; index < 500; index++) {
    Deno.writeTextFileSync(`${host.directory}/f${index}`, "");
  }
  age(own);
  assert.deepEqual(await host.states(), []);
  const names = [...Deno.readDirSync(host.directory)].map(({ name }) => name);
  assert.equal(names.includes(facts.id), false);
  assert.equal(names.length, 505);
  assert.equal([...Deno.readDirSync(copy)].length > 5, true);
  for (const id of [...ids, "name", "../name", "x".repeat(32), "", "a/b"]) {
    assert.equal((await failure(host.read(id))).code, "not_found");
    assert.equal((await failure(host.jobs.stop(id, signal))).code, "not_found");
  }
});

Deno.test("jobs are removed a while after their end, and lost ones a while after that is seen", async () => {
  using host = new LocalHost();
  const { facts: { id } } = await host.startJob("true");
  await host.ended(id);
  const lost = await host.startJob("true");
  await host.ended(lost.facts.id);
  Deno.removeSync(`${host.directory}/${lost.facts.id}/status`);
  const running = await host.startJob("exec sleep 3000");
  assert.deepEqual(await host.states(), ["exited", "lost", "running"]);
  assert.match(
    Deno.readTextFileSync(`${host.directory}/${lost.facts.id}/status`),
    /^lost - - \d+ /,
  );
  host.settings.keepMs = -10_000;
  assert.deepEqual(await host.states(), ["running"]);
  host.settings.sweeps = false;
  const stopped = await host.jobs.stop(running.facts.id, signal);
  assert.equal(stopped.facts.state, "stopped");
  assert.deepEqual(await host.states(), ["stopped"]);
});

Deno.test("a running job of another host that shares the home is left alone", async () => {
  using host = new LocalHost();
  const { facts: { id } } = await host.startJob("exec sleep 3000");
  const meta = `${host.directory}/${id}/meta`;
  const own = Deno.readTextFileSync(meta);
  const name = Deno.hostname();
  assert.equal(own.trimEnd().split(" ").at(-2), name);
  Deno.writeTextFileSync(meta, own.replace(/\S+ (\S+) \S+ \.\n$/, `other-boot $1 other-host .\n`));
  assert.deepEqual(await host.states(), []);
  assert.equal((await failure(host.jobs.stop(id, signal))).code, "not_found");
  await run("/usr/bin/touch", ["-d", "2 hours ago", `${host.directory}/${id}`]);
  host.settings.keepMs = -10_000;
  assert.deepEqual(await host.states(), []);
  Deno.writeTextFileSync(meta, own);
  assert.deepEqual(await host.states(), ["running"]);
  const status = `${host.directory}/${id}/status`;
  Deno.writeTextFileSync(status, "lost - - 1000000000 - -\n");
  assert.deepEqual(await host.states(), ["lost"]);
  Deno.removeSync(status);
  assert.equal((await host.jobs.stop(id, signal)).processEnded, true);
});

Deno.test("a record that is too long does not hide the other jobs", async () => {
  using host = new LocalHost();
  const long = await host.startJob("true");
  const other = await host.startJob("true");
  await host.ended(long.facts.id);
  await host.ended(other.facts.id);
  const meta = `${host.directory}/${long.facts.id}/meta`;
  Deno.writeTextFileSync(meta, `{"name":"${"n".repeat(100_000)}"}\n1 boot 1 - .\n`);
  assert.deepEqual((await host.jobs.list(signal)).map(({ id }) => id), [other.facts.id]);
  assert.equal((await failure(host.read(long.facts.id))).code, "not_found");
});

Deno.test("an old directory that only has the name of a job is kept", async () => {
  using host = new LocalHost();
  const { facts } = await host.startJob("true");
  await host.ended(facts.id);
  const own = `${host.directory}/${facts.id}`;
  Deno.removeSync(`${own}/meta`);
  Deno.removeSync(`${own}/status`);
  const foreign = `${host.directory}/${"a".repeat(32)}`;
  Deno.mkdirSync(foreign, { mode: 0o700 });
  Deno.writeTextFileSync(`${foreign}/file`, "");
  await run("/usr/bin/touch", ["-d", "2 hours ago", own, foreign]);
  assert.deepEqual(await host.states(), []);
  assert.deepEqual([...Deno.readDirSync(host.directory)].map(({ name }) => name), ["a".repeat(32)]);
});

peerTest({
  peer: ROOT,
  name:
    "a full disk refuses a job and leaves nothing, and does not lose the status of a running one",
  async fn() {
    using host = new LocalHost();
    const state = `${host.home}/.local/state`;
    Deno.mkdirSync(state, { recursive: true });
    await run("/bin/mount", ["-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", state]);
    try {
      const { facts } = await host.startJob("yes | head -c 2000000; exit 4");
      const ended = await host.ended(facts.id);
      assert.deepEqual([ended.state, ended.exitCode], ["exited", 4]);
      assert.equal(ended.stdoutBytes + ended.droppedBytes, 2_000_000);
      const error = await failure(host.startJob("true"));
      assert.equal(error.code, "disk_full");
      assert.deepEqual([...Deno.readDirSync(host.directory)].map(({ name }) => name), [facts.id]);
    } finally {
      await run("/bin/umount", ["-l", state]);
    }
  },
});

Deno.test("a stop waits for a command that is not started yet, and for one that left writers", async () => {
  using host = new LocalHost();
  const file = `${host.home}/file`;
  // The runner waits for 3 s, not for 10.
  host.edit = (line) => line.replace("-lt 40 ]", "-lt 12 ]");
  const writing = await host.startJob(
    `setsid sh -c 'while [ ! -e ${file} ]; do echo; sleep 0.1; done' & exec sleep 3000`,
  );
  const left = host.jobs.stop(writing.facts.id, signal);
  // Starts the runner, then waits for the stop and for what a shorter wait of the stop would be.
  const slow = `case "$*" in *j_events*) ;; *)
    until read -r x && [ -n "$x" ]; do sleep 0.05; exec < "\${5%/*}/ending"; done; sleep 2 ;;
  esac
  exec /usr/bin/setsid "$@"`;
  writeExecutable(`${host.bin}/slow`, `#!/bin/sh\n${slow}\n`);
  Deno.renameSync(`${host.bin}/slow`, `${host.bin}/setsid`);
  const late = await host.startJob("echo started; exec sleep 3000");
  const stopped = await host.jobs.stop(late.facts.id, signal);
  assert.deepEqual(
    [stopped.facts.state, stopped.facts.stdoutBytes, stopped.processEnded],
    ["stopped", 0, true],
  );
  const { facts, processEnded } = await left;
  Deno.writeTextFileSync(file, "");
  assert.deepEqual([facts.state, processEnded], ["stopped", true]);
});

Deno.test("a command that goes on at the moment of its cancellation is stopped", async () => {
  using host = new LocalHost();
  const controller = new AbortController();
  const start = host.start.bind(host);
  let starts = 0;
  host.start = async (line) => {
    const started = await start(line);
    // The answer to the order to go on arrives after the cancellation.
    if (++starts === 1) {
      started.channel.on("data", (chunk: Uint8Array) => {
        if (new TextDecoder().decode(chunk).includes("G\n")) controller.abort(cancelled());
      });
    }
    return started;
  };
  const outcome = await host.exec("exec sleep 3000", {
    signal: controller.signal,
    answerWithinMs: 1,
  });
  assert.deepEqual([outcome.ending, outcome.processEnded], ["cancelled", true]);
  assert.deepEqual(await host.states(), ["stopped"]);
});

Deno.test("a connection that is lost during the start of a job names the job", async () => {
  using host = new LocalHost();
  const start = host.start.bind(host);
  host.start = () => start("exit 1");
  const { code, message, suggestion } = await failure(host.startJob("true"));
  assert.equal(code, "connection_lost");
  const [id = ""] = /[0-9a-f]{32}/.exec(message) ?? [];
  assert.equal(
    suggestion,
    `Read it with ssh_job_output (job_id ${id}) before you start it again`,
  );
});

Deno.test("a start whose request may have arrived names the job; one that was not sent does not", async () => {
  using host = new LocalHost();
  const lost = connectionLost("the start of the command");
  host.start = () => Promise.reject(lost);
  const { message, suggestion } = await failure(host.startJob("true"));
  const [id = ""] = /[0-9a-f]{32}/.exec(message) ?? [];
  assert.match(message, /^The SSH connection was lost during the start of job .*, which may run$/);
  assert.match(suggestion, new RegExp(`job_id ${id}`));
  const busy = noChannelInTime(1_000);
  host.start = () => Promise.reject(busy);
  assert.equal(await failure(host.startJob("true")), busy);
});

Deno.test("a start that the host does not confirm in time names the job", async () => {
  using host = new LocalHost();
  host.edit = () => "exec sleep 3000";
  const { settings } = host;
  const jobs = new HostJobs({ settings, limitMs: 10, start: (line) => host.start(line) });
  const request = { command: "true", shown: "true", maxRuntimeMs: 1_000 };
  const { code, message } = await failure(jobs.start(request, signal));
  assert.equal(code, "timeout");
  assert.match(message, /did not confirm in time the start of job [0-9a-f]{32}, which may run/);
});

Deno.test("a cancelled start leaves no running job, whenever it is cancelled", async () => {
  using host = new LocalHost();
  const start = host.start.bind(host);
  for (const sign of ["started", "J ", "Z "]) {
    const controller = new AbortController();
    host.start = async (line) => {
      const started = await start(line);
      started.channel.on("data", (chunk: Uint8Array) => {
        if (new TextDecoder().decode(chunk).includes(sign)) controller.abort(cancelled());
      });
      return started;
    };
    const request = { command: "exec sleep 3000", shown: "", maxRuntimeMs: 60_000 };
    await host.jobs.start(request, controller.signal).catch((error) => {
      assert.equal(error.code, "cancelled");
    });
    host.start = start;
    await until(
      "the end of the job",
      async () => !(await host.states()).includes("running"),
      30_000,
    );
  }
});

Deno.test("an ID that exists is not started again", async () => {
  using host = new LocalHost();
  const request = { command: "echo once", shown: "", maxRuntimeMs: 60_000 };
  const line = jobLine("a".repeat(32), request, host.settings);
  const answerOf = async () => await new Response(outputOf(await host.start(line))).text();
  assert.match(await answerOf(), /^J a{32} (running|exited 0 )/m);
  await host.ended("a".repeat(32));
  assert.match(await answerOf(), /^E make .*exists/m);
  assert.equal((await host.read("a".repeat(32))).text, "once\n");
});

Deno.test("a stop of a job that seems to be lost also holds for a runner that comes later", async () => {
  using host = new LocalHost();
  const { facts: { id } } = await host.startJob("true");
  await host.ended(id);
  Deno.removeSync(`${host.directory}/${id}/status`);
  assert.equal((await host.jobs.stop(id, signal)).facts.state, "lost");
  assert.equal(Deno.readTextFileSync(`${host.directory}/${id}/ending`).trim(), "stopped");
});

Deno.test("a stop of a VM's command says if the command may still run in the VM", async () => {
  using host = new LocalHost();
  const command = "trap 'exit 254' TERM; echo; while :; do sleep 0.05; done";
  const [inVm, onHost] = await Promise.all([
    host.startJob(command, { vmid: 101 }),
    host.startJob(command),
  ]);
  for (const { facts: { id } } of [inVm, onHost]) {
    await until("the trap", async () => (await host.read(id)).text === "\n", 30_000);
  }
  const left = await host.jobs.stop(inVm.facts.id, signal);
  assert.deepEqual([left.facts.exitCode, left.processEnded], [254, false]);
  const ended = await host.jobs.stop(onHost.facts.id, signal);
  assert.deepEqual([ended.facts.exitCode, ended.processEnded], [254, true]);
});

Deno.test("a long command runs directly on a host that cannot start a job", async () => {
  using host = new LocalHost();
  host.remove("setsid");
  const lines: string[] = [];
  const start = (line: string) => host.start(line).finally(() => lines.push(line));
  // The parts that a run needs.
  const pool = { start } as unknown as HostContext["pool"];
  const login = { isFree: () => Promise.resolve(true) } as unknown as HostContext["login"];
  const settings = { limits: { characterLimit: 1_000 }, jobs: host.settings };
  const outcome = await runOnHost(
    { command: "echo out", timeoutMs: 60_000, answerWithinMs: 30_000 },
    { deadlineMs: performance.now() + 60_000, limitMs: 60_000, signal },
    {
      ...{ pool, login, progress: undefined, closing: signal },
      settings: settings as unknown as HostContext["settings"],
    },
  );
  // Here, unlike over SSH, the exit code may arrive after the end of the output.
  assert.deepEqual([outcome.stdout.text, lines.length], ["out\n", 2]);
  assert.equal((await failure(host.startJob("true"))).code, "unsupported");
});

Deno.test("another process with the pid of a job's command is not stopped", async () => {
  using host = new LocalHost();
  const script = `${PROCESSES}\nfinish_job $$ 1 0; echo $left`;
  const { stdout } = await new Deno.Command("/usr/bin/setsid", {
    ...{ args: ["--wait", "sh", "-c", script], env: host.env, stdin: "null" },
  }).output();
  assert.equal(new TextDecoder().decode(stdout), "0\n");
});

Deno.test("an attended command that the host does not start in time is a timeout", async () => {
  const { promise, resolve } = Promise.withResolvers<StartedCommand>();
  const request = { command: "true", timeoutMs: 10, answerWithinMs: 5 };
  using host = new LocalHost();
  const error = await failure(runAttended(request, {
    ...{ signal, progress: undefined, settings: host.settings, characterLimit: 1_000 },
    startedAt: performance.now(),
    start: () => promise,
  }));
  assert.equal(error.code, "timeout");
  resolve(await host.start("exit 3"));
  await until("the end of the late command", async () => !(await promise).running(), 30_000);
});

pure("cutMatches() removes line numbers and names the first line that does not fit", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const cut = (text: string, max: number) => {
    const { bytes: kept, firstLeftOut } = cutMatches(bytes(text), max);
    return [new TextDecoder().decode(kept), firstLeftOut];
  };
  assert.deepEqual(cut("3:a:b\n17:c\n", 100), ["a:b\nc\n", undefined]);
  assert.deepEqual(cut("3:a:b\n17:c\n", 5), ["a:b\n", 17]);
  assert.deepEqual(cut("3:a:b", 2), ["a:", undefined]);
  assert.deepEqual(cut("", 2), ["", undefined]);
  const long = "x".repeat(70_000);
  assert.deepEqual(cut(`7:${long}`, 4), ["xxxx", 8]);
  assert.deepEqual(cut(`7:${long}\n8:x\n`, 4), ["xxxx", 8]);
  assert.deepEqual(cut(`7:${long}\n1`, 4), ["xxxx", 8]);
});
