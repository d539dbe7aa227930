import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { commandsOf } from "../peers/jobs.ts";
import { connectTo, newTag, tagged, untilAlive, untilGone } from "../peers/openssh.ts";
import { peerTest, SSHD } from "../peers/require.ts";
import { type Sshd, startSshd } from "../peers/sshd.ts";
import { until } from "../support/until.ts";
import type { Connected, ToolResult } from "../support/server.ts";

// The real server, real OpenSSH, and the official SDK's client with its own time limit of 60 seconds.

/** Registers a test with an OpenSSH server and a way to connect to it. */
function jobsTest(
  name: string,
  fn: (connect: () => Promise<Connected>, sshd: Sshd) => Promise<void>,
  answerWithin = 1,
): void {
  peerTest({
    name,
    peer: SSHD,
    async fn() {
      await using sshd = await startSshd();
      const dir = await Deno.makeTempDir({ prefix: "mre_whole_" });
      try {
        const env = { ANSWER_WITHIN: String(answerWithin), CHARACTER_LIMIT: "2000" };
        await fn(() => connectTo(sshd, dir, env), sshd);
      } finally {
        await Deno.remove(dir, { recursive: true });
      }
    },
  });
}

function succeeded({ data, text, isError }: ToolResult): Record<string, unknown> {
  assert.equal(isError, false, text);
  return data;
}

/** Returns a command that prints `before`, waits for a file, prints `after` and exits with 7. */
const waitingFor = (path: string): string =>
  `echo before; while [ ! -e ${path} ]; do sleep 0.05; done; echo after; exit 7`;

const exec = async (server: Connected, command: string, timeout = 120) =>
  succeeded(await server.call("ssh_exec_command", { command, timeout }));

/** Reads a job's output to its end, each byte once. */
async function whole(
  server: Connected,
  id: unknown,
  from = 0,
): Promise<Record<string, unknown>> {
  let text = "";
  for (let next = from;;) {
    const args = { job_id: id, from: next, wait_seconds: 30 };
    const data = succeeded(await server.call("ssh_job_output", args));
    text += String(data.text);
    if (data.running === false && data.next === next) return { ...data, text };
    next = Number(data.next);
  }
}

const jobsOf = async (server: Connected): Promise<Record<string, unknown>[]> => {
  const { jobs } = succeeded(await server.call("ssh_list_jobs"));
  assert.ok(Array.isArray(jobs));
  return jobs;
};

jobsTest(
  "a command that takes long is answered in time and collected later",
  async (connect, sshd) => {
    await using server = await connect();
    const go = `${sshd.home}/go`;
    const result = await server.call("ssh_exec_command", { command: waitingFor(go), timeout: 120 });
    const early = succeeded(result);
    assert.deepEqual(
      [early.running, early.process_ended, early.exit_code, early.timeout_reached],
      [true, false, null, false],
    );
    assert.match(
      result.text,
      /STILL RUNNING as job \w+ until its timeout of \d+ s: nothing was stopped/,
    );
    assert.doesNotMatch(result.text, /WARNING/);
    // A slow machine may not have printed it yet.
    const [, from] =
      /ssh_job_output \(job_id \w+, from (\d+), wait_seconds 45\)/.exec(result.text) ??
        assert.fail(result.text);
    assert.equal("before\n".slice(0, Number(from)), early.stdout);
    await Deno.writeTextFile(go, "");
    const rest = await whole(server, early.job_id, Number(from));
    assert.deepEqual(
      [rest.text, rest.state, rest.exit_code],
      ["before\nafter\n".slice(Number(from)), "exited", 7],
    );
    assert.equal((await whole(server, early.job_id)).text, "before\nafter\n");
    const [job] = await jobsOf(server);
    assert.deepEqual([job?.job_id, job?.state, job?.exit_code], [early.job_id, "exited", 7]);
  },
);

jobsTest("a command that ends in time leaves no job, whatever its timeout", async (connect) => {
  await using server = await connect();
  const direct = await exec(server, "echo a; exit 3", 30);
  const attended = await exec(server, "echo a; exit 3", 120);
  for (const { stdout, exit_code, running, job_id } of [direct, attended]) {
    assert.deepEqual([stdout, exit_code, running, job_id], ["a\n", 3, undefined, undefined]);
  }
  assert.deepEqual(await jobsOf(server), []);
}, 30);

jobsTest(
  "a job outlives its client and a killed server, and another server stops it",
  async (connect, sshd) => {
    const tag = newTag();
    const first = await connect();
    const { job_id: waiting } = await exec(first, waitingFor(`${sshd.home}/go`));
    const started = await first.call("ssh_start_job", {
      command: tagged(tag, "echo begun; sleep 4000 & sleep 4000"),
      name: "endless",
    });
    const endless = succeeded(started).job_id;
    await untilAlive(tag, 2);
    first.server.kill("SIGKILL");
    await first.server.ended();
    const second = await connect();
    await second.end();
    await using third = await connect();
    const found = await jobsOf(third);
    assert.deepEqual(found.map(({ job_id, state }) => [job_id, state]), [
      [waiting, "running"],
      [endless, "running"],
    ]);
    assert.equal(found[1]?.name, "endless");
    await Deno.writeTextFile(`${sshd.home}/go`, "");
    const { text, exit_code } = await whole(third, waiting);
    assert.deepEqual([text, exit_code], ["before\nafter\n", 7]);
    const stopped = succeeded(await third.call("ssh_stop_job", { job_id: endless }));
    assert.deepEqual([stopped.state, stopped.process_ended], ["stopped", true]);
    assert.deepEqual(commandsOf(tag), []);
    await untilGone(tag);
    const again = succeeded(await third.call("ssh_stop_job", { job_id: endless }));
    assert.deepEqual([again.state, again.process_ended], ["stopped", true]);
  },
);

jobsTest("a job outlives a restart of sshd", async (connect, sshd) => {
  await using server = await connect();
  const { job_id } = await exec(server, waitingFor(`${sshd.home}/go`));
  await sshd.restart();
  await Deno.writeTextFile(`${sshd.home}/go`, "");
  const { text, exit_code } = await whole(server, job_id);
  assert.deepEqual([text, exit_code], ["before\nafter\n", 7]);
});

jobsTest(
  "a cancellation and a killed server stop a command that is not answered yet",
  async (connect) => {
    const slow = await connect();
    const tag = newTag();
    const command = tagged(tag, "sleep 4000");
    const cancel = new AbortController();
    const running = slow.call("ssh_exec_command", { command, timeout: 300 }, {
      signal: cancel.signal,
    }).catch(() => "cancelled");
    await untilAlive(tag);
    cancel.abort();
    assert.equal(await running, "cancelled");
    await untilGone(tag);
    const other = newTag();
    slow.call("ssh_exec_command", { command: tagged(other, "sleep 4000"), timeout: 300 })
      .catch(() => {});
    await untilAlive(other);
    slow.server.kill("SIGKILL");
    await slow.server.ended();
    await untilGone(other);
  },
  30,
);

for (const [how, timeout] of [["short", 30], ["long", 120]] as const) {
  jobsTest(
    `what is missing in a cut answer is read by its output_id (${how} timeout)`,
    async (connect) => {
      await using server = await connect();
      const command = "i=0; while [ $i -lt 900 ]; do i=$((i+1)); echo line $i; done; echo bad >&2";
      const result = await server.call("ssh_exec_command", { command, timeout });
      const { output_id, stdout_truncated } = succeeded(result);
      assert.equal(stdout_truncated, true);
      const [, from] = /ssh_job_output \(job_id out-\w+, from (\d+)\), for 15 minutes/
        .exec(result.text) ?? assert.fail(result.text);
      const lines = Array.from({ length: 900 }, (_, index) => `line ${index + 1}\n`).join("");
      const { text, state, exit_code } = await whole(server, output_id);
      assert.deepEqual([text, state, exit_code], [lines, "exited", 0]);
      assert.equal((await whole(server, output_id, Number(from))).text, lines.slice(Number(from)));
      const args = { job_id: output_id, grep: "9[05]$", tail_lines: 2 };
      const found = succeeded(await server.call("ssh_job_output", args));
      assert.equal(found.text, "line 890\nline 895\n");
      const stderr = { job_id: output_id, stream: "stderr" };
      assert.equal(succeeded(await server.call("ssh_job_output", stderr)).text, "bad\n");
    },
    30,
  );
}

jobsTest(
  "a running command's cut answer says from where to read what is missing",
  async (connect, sshd) => {
    await using server = await connect();
    const many = `i=0; while [ $i -lt 900 ]; do i=$((i+1)); echo line $i; done`;
    const command = `${many}; ${waitingFor(`${sshd.home}/go`)}`;
    const result = await server.call("ssh_exec_command", { command, timeout: 120 });
    const { job_id, running, output_id, stdout } = succeeded(result);
    assert.deepEqual([running, output_id], [true, undefined]);
    const [, from = ""] = /, from (\d+), wait/.exec(result.text) ?? assert.fail(result.text);
    await Deno.writeTextFile(`${sshd.home}/go`, "");
    const all = String((await whole(server, job_id)).text);
    assert.match(all, /^line 1\n[^]*\nline 900\nbefore\nafter\n$/);
    const [shown = ""] = String(stdout).split("\n\n[OUTPUT TRUNCATED");
    assert.equal(all.slice(0, Number(from)), shown);
  },
);

jobsTest("a short command is enough for old jobs to be removed", async (connect, sshd) => {
  await using server = await connect();
  const { job_id: id } = succeeded(await server.call("ssh_start_job", { command: "true" }));
  await whole(server, id);
  const dir = `${sshd.home}/.local/state/mcp-remote-exec/jobs/${id}`;
  const status = await Deno.readTextFile(`${dir}/status`);
  await Deno.writeTextFile(`${dir}/status`, status.replace(/ \d{10} /, " 1000000000 "));
  await using later = await connect();
  await exec(later, "true", 10);
  await until("the removal of the job", () => !existsSync(dir));
}, 30);
