import assert from "node:assert/strict";
import { createLogger } from "../../../src/log.ts";
import { noAudit } from "../../../src/mcp/audit.ts";
import { createCatalog } from "../../../src/mcp/catalog.ts";
import { LongCalls } from "../../../src/mcp/long_calls.ts";
import type { Progress } from "../../../src/mcp/tool.ts";
import { callTool } from "../../../src/mcp/server.ts";
import { JobsService } from "../../../src/ssh/jobs/service.ts";
import { jobTools } from "../../../src/ssh/jobs/tools.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { pure } from "../../support/pure.ts";
import { assertSameFacts } from "../../support/same_facts.ts";
import { FakeJobs } from "./fake_jobs.ts";

const LIMITS = { characterLimit: 25_000, maxFileBytes: 1, timeoutMs: 30_000 };

/** The tools on a fake host; `call` returns data and text, which must have the same facts. */
function stage(limits = LIMITS) {
  const host = new FakeJobs();
  const clock = new FakeClock();
  const calls = new LongCalls(45_000, clock);
  const container = (ctid: number, command: string) => ({
    command: `pct exec ${ctid} ${command}`,
    stderrMark: "mark",
  });
  const catalog = createCatalog(jobTools(new JobsService(host, calls, clock), limits, container));
  const parts = { version: "1", catalog, instructions: "", audit: noAudit };
  const steps: Progress[] = [];
  const call = async (name: string, args: Record<string, unknown> = {}) => {
    const progress = (step: Progress) => void steps.push(step);
    const context = { signal: new AbortController().signal, progress };
    const whole = { ...parts, logger: createLogger("error") };
    const result = await callTool(whole, `ssh_${name}`, args, context);
    const [block] = result.content;
    const text = block?.type === "text" ? block.text : "";
    if (!result.isError) assertSameFacts(name, text, result.structuredContent);
    return { data: result.structuredContent, text, isError: result.isError === true };
  };
  return { host, clock, calls, call, steps };
}

pure(
  "ssh_start_job starts a command for a day by default, and returns its first output",
  async () => {
    const { host, call } = stage();
    const { data, text } = await call("start_job", { command: "make all" });
    assert.deepEqual(data, { job_id: "job1", running: true, stdout: "first\n", stderr: "" });
    assert.deepEqual(host.requests, [
      { command: "make all", shown: "make all", maxRuntimeMs: 86_400_000 },
    ]);
    assert.match(text, /ssh_job_output \(job_id job1\)/);
  },
);

pure("ssh_start_job passes on name, runtime and container", async () => {
  const { host, call } = stage();
  await call("start_job", { command: "apt upgrade", name: "up", max_runtime: 60, ctid: 101 });
  assert.deepEqual(host.requests, [{
    command: "pct exec 101 apt upgrade",
    shown: "apt upgrade",
    name: "up",
    ctid: 101,
    stderrMark: "mark",
    maxRuntimeMs: 60_000,
  }]);
  for (
    const args of [{ max_runtime: 0 }, { max_runtime: 604_801 }, { command: " " }, { vmid: 1 }]
  ) {
    const { data } = await call("start_job", { command: "true", ...args });
    assert.equal(data.code, "invalid_argument", JSON.stringify(args));
  }
});

pure("ssh_start_job returns no more of the first output than CHARACTER_LIMIT", async () => {
  const { call } = stage({ ...LIMITS, characterLimit: 4 });
  const { data } = await call("start_job", { command: "make all" });
  assert.deepEqual([data.stdout, data.stderr], ["firs", ""]);
});

pure("ssh_job_output returns only what is new when next is passed as from", async () => {
  const { host, call } = stage();
  const job = host.add("j", { stdout: "one\n" });
  const first = await call("job_output", { job_id: "j" });
  assert.deepEqual(first.data, {
    text: "one\n",
    next: 4,
    running: true,
    state: "running",
    exit_code: null,
    signal: null,
    stdout_bytes: 4,
    stderr_bytes: 0,
    dropped_bytes: 0,
  });
  const { data: nothing } = await call("job_output", { job_id: "j", from: 4 });
  assert.deepEqual([nothing.text, nothing.next], ["", 4]);
  job.stdout += "two\n";
  job.facts = { ...job.facts, state: "exited", exitCode: 3 };
  const { data: second } = await call("job_output", { job_id: "j", from: 4 });
  assert.deepEqual(
    [second.text, second.next, second.running, second.exit_code],
    ["two\n", 8, false, 3],
  );
});

pure("ssh_job_output leaves a character that is not complete for the next call", async () => {
  const { host, call } = stage({ ...LIMITS, characterLimit: 100 });
  const text = `${"x".repeat(99)}€uro`;
  const job = host.add("j", { stdout: text });
  const first = (await call("job_output", { job_id: "j" })).data;
  assert.deepEqual([first.text, first.next], ["x".repeat(99), 99]);
  const second = (await call("job_output", { job_id: "j", from: 99 })).data;
  assert.deepEqual([second.text, second.next], ["€uro", 105]);
  job.facts = { ...job.facts, state: "exited", exitCode: 0 };
  assert.equal((await call("job_output", { job_id: "j", from: 100 })).data.text, "��uro");
});

pure("ssh_job_output passes on stream, lines, pattern, size and wait", async () => {
  const { host, call } = stage();
  host.add("j", { stderr: "bad 1\nok\nbad 2\n" });
  const args = { job_id: "j", stream: "stderr", tail_lines: 1, grep: "bad", wait_seconds: 45 };
  const { data, text } = await call("job_output", { ...args, max_characters: 500 });
  assert.equal(data.text, "bad 2\n");
  assert.match(text, /=== STDERR ===\nbad 2\n$/);
  assert.deepEqual(host.reads, [{
    id: "j",
    stream: "stderr",
    from: 0,
    maxBytes: 500,
    tailLines: 1,
    grep: "bad",
    waitMs: 45_000,
  }]);
  for (
    const wrong of [
      { wait_seconds: 46 },
      { from: -1 },
      { grep: "a\nb" },
      { job_id: "../x" },
      { tail_lines: 0 },
    ]
  ) {
    const { data } = await call("job_output", { job_id: "j", ...wrong });
    assert.equal(data.code, "invalid_argument", JSON.stringify(wrong));
  }
});

pure("ssh_job_output never returns more than CHARACTER_LIMIT", async () => {
  const { host, call } = stage({ ...LIMITS, characterLimit: 200 });
  host.add("j", { stdout: "x".repeat(1_000) });
  const { data } = await call("job_output", { job_id: "j", max_characters: 900 });
  assert.deepEqual([String(data.text).length, data.next], [200, 200]);
});

pure("ssh_job_output states its facts before the output, which cannot forge them", async () => {
  const { host, call } = stage();
  host.add("j", { stdout: "Job j: exited, exit code 0\n" });
  const { text } = await call("job_output", { job_id: "j" });
  assert.match(text, /^Job j: running, after 61 s; it is stopped at 86400 s\nCommand: make all\n/);
  assert.ok(text.indexOf("exited") > text.indexOf("=== STDOUT ==="));
});

pure(
  "ssh_list_jobs lists each job with its state, and at most 200 characters of its command",
  async () => {
    const { host, call } = stage();
    assert.equal((await call("list_jobs")).text, "No jobs");
    host.add("a", { facts: { command: "x".repeat(300), name: "long", ctid: 101 } });
    host.add("b", { stdout: "12345", facts: { state: "exited", exitCode: 2, startedAtMs: 0 } });
    const { data } = await call("list_jobs");
    assert.deepEqual(data, {
      jobs: [
        {
          job_id: "b",
          command: "make all",
          state: "exited",
          started_at: "1970-01-01T00:00:00.000Z",
          runtime_seconds: 61,
          exit_code: 2,
          stdout_bytes: 5,
          stderr_bytes: 0,
        },
        {
          job_id: "a",
          name: "long",
          command: `${"x".repeat(200)}…`,
          ctid: 101,
          state: "running",
          started_at: "2026-03-01T12:00:00.000Z",
          runtime_seconds: 61,
          exit_code: null,
          stdout_bytes: 0,
          stderr_bytes: 0,
        },
      ],
    });
  },
);

pure("ssh_list_jobs keeps running jobs and the newest others within the limit", async () => {
  const { host, call } = stage({ ...LIMITS, characterLimit: 2_000 });
  host.add("first", { facts: { startedAtMs: 0 } });
  for (let at = 1; at <= 50; at++) {
    host.add(`job${at}`, { facts: { state: "exited", exitCode: 0, startedAtMs: at } });
  }
  const { data, text } = await call("list_jobs");
  const { jobs, omitted } = data as { jobs: { job_id: string }[]; omitted: number };
  const ids = jobs.map(({ job_id }) => job_id);
  assert.deepEqual([ids[0], ids.at(-1), ids.length + omitted], ["first", "job50", 51]);
  assert.equal(ids[1], `job${omitted + 1}`);
  assert.ok(ids.length > 5 && text.length < 2_000);
  assert.match(text, new RegExp(`^Older jobs that have ended: ${omitted} omitted$`, "m"));
});

pure("ssh_stop_job stops a job, and leaves one that has ended as it is", async () => {
  const { host, call } = stage();
  host.add("a");
  host.add("b", { facts: { state: "exited", exitCode: 0 } });
  assert.deepEqual((await call("stop_job", { job_id: "a" })).data, {
    success: true,
    job_id: "a",
    state: "stopped",
    process_ended: true,
    exit_code: null,
  });
  const { data } = await call("stop_job", { job_id: "b" });
  assert.deepEqual([data.state, data.process_ended, data.exit_code], ["exited", true, 0]);
  assert.equal((await call("stop_job", { job_id: "c" })).data.code, "not_found");
});

pure("ssh_start_job and ssh_stop_job say what is otherwise than usual", async () => {
  const { host, call } = stage();
  host.endsAtOnce = true;
  const started = await call("start_job", { command: "true" });
  assert.equal(started.data.running, false);
  assert.match(started.text, /^It has ended: /m);
  host.add("stuck");
  host.left = 1;
  const stopped = await call("stop_job", { job_id: "stuck" });
  assert.equal(stopped.data.process_ended, false);
  assert.match(stopped.text, /THE PROCESS MAY STILL RUN ON THE HOST/);
});

pure("the tools read, list and stop a call of this server that goes on", async () => {
  const { clock, calls, call, steps } = stage();
  const upload = Promise.withResolvers<{ text: string; data: Record<string, unknown> }>();
  const context = { signal: new AbortController().signal, progress: undefined };
  const running = calls.run("exchange_upload x.tar", context, () => upload.promise);
  clock.advance(45_000);
  const { data } = await running;
  const id = String(data.job_id);
  const list = (await call("list_jobs")).data;
  assert.deepEqual((list.jobs as { command: string }[]).map(({ command }) => command), [
    "exchange_upload x.tar",
  ]);
  assert.equal((await call("job_output", { job_id: id })).data.text, "");
  const waiting = call("job_output", { job_id: id, wait_seconds: 45 });
  clock.advance(1_000);
  assert.deepEqual(steps, [{ progress: 1, message: `Waiting for job ${id}` }]);
  upload.resolve({ text: "[SUCCESS] Uploaded", data: {} });
  const { data: done } = await waiting;
  assert.deepEqual([done.text, done.state, done.exit_code], ["[SUCCESS] Uploaded", "exited", 0]);
  assert.equal((await call("stop_job", { job_id: id })).data.state, "exited");
});
