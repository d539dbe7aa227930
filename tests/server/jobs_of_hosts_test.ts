import assert from "node:assert/strict";
import { RemoteExecError } from "../../src/errors.ts";
import type { ToolAnswer } from "../../src/mcp/tool.ts";
import { jobsOfHosts, jobsOfHostsOutput } from "../../src/server/jobs_of_hosts.ts";
import { assertSameFacts } from "../support/same_facts.ts";
import { pure } from "../support/pure.ts";

const CONTEXT = { signal: new AbortController().signal, progress: undefined };

const jobOf = (job_id: string, at: number, state: "running" | "exited") => ({
  job_id,
  command: `run ${job_id}`,
  state,
  started_at: `2026-01-01T00:00:0${at}Z`,
  runtime_seconds: 3,
  exit_code: state === "running" ? null : 0,
  stdout_bytes: 1,
  stderr_bytes: 2,
});

type Job = ReturnType<typeof jobOf>;

/** Lists with these answers; a host without one fails. */
async function listed(
  answers: Readonly<Record<string, readonly Job[] | null>>,
  maxCharacters = 25_000,
) {
  const list = (host: string): Promise<ToolAnswer<unknown>> => {
    const jobs = answers[host];
    if (!jobs) throw new RemoteExecError("unreachable", `No route to ${host}`, "Check it");
    return Promise.resolve({ text: "", data: { jobs } });
  };
  const hosts = Object.keys(answers);
  const { data, text } = await jobsOfHosts({ hosts, maxCharacters, maxWorkers: 2, list }, CONTEXT);
  assertSameFacts("ssh_list_jobs", text, data);
  return {
    ...jobsOfHostsOutput.parse(data),
    rows: (data as { jobs: (Job & { host: string })[] }).jobs,
  };
}

pure("jobsOfHosts() names the host of each job, and the hosts that did not answer", async () => {
  const { rows, failed, omitted } = await listed({
    web2: [jobOf("b", 2, "exited")],
    web1: [jobOf("a", 1, "exited"), jobOf("c", 3, "running")],
    old: null,
  });
  assert.deepEqual(rows.map(({ host, job_id }) => `${host} ${job_id}`), [
    "web2 b",
    "web1 a",
    "web1 c",
  ]);
  assert.deepEqual(failed, [{ host: "old", code: "unreachable", error: "No route to old" }]);
  assert.equal(omitted, undefined);
});

pure("jobsOfHosts() lists the work of this server once", async () => {
  const own = jobOf("srv-1", 1, "running");
  const { rows } = await listed({ web1: [own], web2: [own, jobOf("a", 2, "exited")] });
  assert.deepEqual(rows.map(({ job_id }) => job_id).sort(), ["a", "srv-1"]);
});

pure("jobsOfHosts() keeps running jobs and the newest others within the limit", async () => {
  const size = JSON.stringify({ host: "web1", ...jobOf("a", 1, "exited") }).length;
  const { rows, omitted } = await listed({
    web1: [jobOf("a", 1, "running"), jobOf("b", 2, "exited")],
    web2: [jobOf("c", 3, "exited")],
  }, 2 * size + 10);
  assert.deepEqual(rows.map(({ job_id }) => job_id), ["a", "c"]);
  assert.equal(omitted, 1);
});

pure("jobsOfHosts() refuses more hosts than it can ask", async () => {
  const many = Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`h${at}`, []]));
  await assert.rejects(listed(many), {
    code: "invalid_argument",
    message: /^51 hosts are too many/,
  });
});
