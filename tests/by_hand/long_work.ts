/**
 * Shows with real waiting what the tests show in seconds: jobs of three minutes, an upgrade of four, and five
 * gigabytes of output. Run by hand, because it takes about five minutes:
 *
 *   MRE_BINARY=dist/mcp-remote-exec deno run -A --config deno.json tests/by_hand/long_work.ts
 *
 * Needs the OpenSSH server. All scenarios run at the same time, each with a server of its own.
 */
import assert from "node:assert/strict";
import { Client } from "@modelcontextprotocol/client";
import { startDelayProxy } from "../peers/delay_proxy.ts";
import { alive, newTag, tagged, untilAlive } from "../peers/openssh.ts";
import { type Sshd, startSshd } from "../peers/sshd.ts";
import { ServerProcess } from "../support/server.ts";

type Data = Record<string, unknown>;

/** A server and the official SDK's client, with its own time limit of 60 seconds for a call. */
class Session implements AsyncDisposable {
  readonly server: ServerProcess;
  readonly #client = new Client({ name: "by hand", version: "1" });

  constructor(sshd: Sshd, dir: string, env: Record<string, string> = {}) {
    const login = {
      I_ACCEPT_RISKS: "true",
      HOST: sshd.host,
      SSH_PORT: String(sshd.port),
      SSH_USERNAME: sshd.username,
      SSH_KEY: sshd.keyPath,
      SSH_KNOWN_HOSTS: sshd.knownHostsPath,
      SSH_STRICT_HOST_KEY_CHECKING: "false",
      WORKING_DIRECTORY: dir,
    };
    this.server = new ServerProcess({ env: { ...login, ...env }, cwd: dir });
  }

  async open(): Promise<this> {
    await this.#client.connect(this.server);
    return this;
  }

  async call(
    name: string,
    args: Data = {},
  ): Promise<{ readonly text: string; readonly data: Data }> {
    const startedAt = performance.now();
    const result = await this.#client.callTool({ name, arguments: args });
    const block = result.content[0];
    const text = block?.type === "text" ? block.text : "";
    const data = result.structuredContent;
    if (result.isError || typeof data !== "object" || data === null) throw new Error(text);
    const tookMs = Math.round(performance.now() - startedAt);
    return { text, data: { ...data, tookMs } };
  }

  async kill(): Promise<void> {
    this.server.kill("SIGKILL");
    await this.server.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    await this.server.ended();
  }
}

/** What a scenario needs. */
interface Stage {
  readonly sshd: Sshd;
  open(env?: Record<string, string>): Promise<Session>;
  log(line: string): void;
}

/** Prints a line each 10 seconds for three minutes, so that a missing part would show. */
const MINUTES = "i=0; while [ $i -lt 18 ]; do i=$((i+1)); echo line $i; sleep 10; done; exit 7";
const LINES = Array.from({ length: 18 }, (_, index) => `line ${index + 1}\n`).join("");

async function begin(session: Session, { log }: Stage): Promise<string> {
  const { data } = await session.call("ssh_exec_command", { command: MINUTES, timeout: 300 });
  assert.equal(data.running, true);
  log(`answered after ${data.tookMs} ms: running, job_id ${data.job_id}`);
  return String(data.job_id);
}

/** Reads a job's output to its end, each byte once. */
async function collect(session: Session, job_id: string): Promise<Data> {
  let text = "";
  for (let from = 0, calls = 1;; calls++) {
    const { data } = await session.call("ssh_job_output", { job_id, from, wait_seconds: 45 });
    text += data.text;
    if (data.running === false && data.next === from) return { ...data, text, calls };
    from = Number(data.next);
  }
}

async function collectMinutes(session: Session, job_id: string, { log }: Stage): Promise<void> {
  const { text, state, exit_code, calls } = await collect(session, job_id);
  assert.deepEqual([text, state, exit_code], [LINES, "exited", 7]);
  log(`collected whole with ${calls} calls: ${String(text).length} bytes, exit code 7`);
}

async function showStop(session: Session, { log }: Stage): Promise<void> {
  const tag = newTag();
  const command = tagged(tag, "trap : TERM; sleep 5000 & while :; do sleep 1; done");
  const { data } = await session.call("ssh_start_job", { command });
  await untilAlive(tag, 2);
  const { data: stopped } = await session.call("ssh_stop_job", { job_id: data.job_id });
  assert.deepEqual([stopped.state, stopped.process_ended], ["stopped", true]);
  assert.deepEqual(alive(tag), []);
  log(`a job that ignores TERM is stopped and confirmed after ${stopped.tookMs} ms`);
}

const SCENARIOS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  async "three minutes"(stage) {
    await using session = await stage.open();
    await collectMinutes(session, await begin(session, stage), stage);
    await showStop(session, stage);
  },
  async "server killed in between"(stage) {
    const first = await stage.open();
    const job = await begin(first, stage);
    await first.kill();
    await using second = await stage.open();
    await collectMinutes(second, job, stage);
    await showStop(second, stage);
  },
  async "client gone in between"(stage) {
    const first = await stage.open();
    const job = await begin(first, stage);
    await first[Symbol.asyncDispose]();
    await using second = await stage.open();
    await collectMinutes(second, job, stage);
    await showStop(second, stage);
  },
  async "sshd restarted in between"(stage) {
    await using session = await stage.open();
    const job = await begin(session, stage);
    await stage.sshd.restart();
    await collectMinutes(session, job, stage);
    await showStop(session, stage);
  },
  async "link cut in between"(stage) {
    await using proxy = startDelayProxy({ targetPort: stage.sshd.port, oneWayMs: 10 });
    await using session = await stage.open({ SSH_PORT: String(proxy.port) });
    const job = await begin(session, stage);
    proxy.cut();
    await collectMinutes(session, job, stage);
    await showStop(session, stage);
  },
  async "upgrade, by an assistant that was not told about jobs"(stage) {
    await using session = await stage.open();
    const bin = `${stage.sshd.home}/apt`;
    const step = 'for p in $(seq 1 24); do echo "Setting up package-$p (2.0) ..."; sleep 10; done';
    await Deno.writeTextFile(bin, `#!/bin/sh\n${step}\necho "24 upgraded, 0 newly installed"\n`);
    await Deno.chmod(bin, 0o755);
    const command = "./apt upgrade -y";
    let { text, data } = await session.call("ssh_exec_command", { command, timeout: 300 });
    stage.log(`first answer after ${data.tookMs} ms: ${/STILL RUNNING[^;]*/.exec(text)?.[0]}`);
    const calls: number[] = [];
    let output = String(data.stdout);
    // It does what the text of each answer tells it.
    let next = /ssh_job_output \(job_id (\w+), from (\d+)/.exec(text);
    const job = next?.[1];
    while (next !== null) {
      const args = { job_id: job, from: Number(next[2]), wait_seconds: 45 };
      ({ text, data } = await session.call("ssh_job_output", args));
      calls.push(Number(data.tookMs));
      output += data.text;
      next = data.running ? /^()Next: from=(\d+)/m.exec(text) : null;
    }
    assert.match(output, /package-24 .*\n24 upgraded, 0 newly installed\n$/);
    assert.deepEqual(output.match(/Setting up/g)?.length, 24);
    assert.deepEqual([data.state, data.exit_code], ["exited", 0]);
    stage.log(
      `${calls.length} more calls, the longest ${Math.max(...calls)} ms: 24 upgraded, exit code 0`,
    );
  },
  async "5 GB of output"(stage) {
    await using session = await stage.open({ JOB_MAX_OUTPUT: "100000000" });
    const command = "head -c 4999999995 /dev/zero | tr '\\0' x; echo; echo end; echo last >&2";
    const { data } = await session.call("ssh_start_job", { command });
    const args = { job_id: data.job_id, from: 100_000_000, wait_seconds: 45 };
    let read = await session.call("ssh_job_output", args);
    while (read.data.running) read = await session.call("ssh_job_output", args);
    const { stdout_bytes, dropped_bytes, exit_code } = read.data;
    assert.equal(Number(stdout_bytes) + Number(dropped_bytes), 5_000_000_000);
    // The limit is kept in blocks of 512 bytes.
    assert.ok(Number(stdout_bytes) < 100_000_512);
    assert.equal(exit_code, 0);
    const size = await diskUse(stage.sshd, String(data.job_id));
    stage.log(
      `stored ${stdout_bytes} bytes, dropped ${dropped_bytes}; the directory has ${size} kB`,
    );
  },
};

async function diskUse({ home }: Sshd, id: string): Promise<string> {
  const path = `${home}/.local/state/mcp-remote-exec/jobs/${id}`;
  const { stdout } = await new Deno.Command("du", { args: ["-sk", path] }).output();
  return new TextDecoder().decode(stdout).split("\t")[0] ?? "";
}

/** Makes every finished job old, and shows that the next list removes it. */
async function showRemoval({ sshd, open, log }: Stage): Promise<void> {
  const directory = `${sshd.home}/.local/state/mcp-remote-exec/jobs`;
  const before = [...Deno.readDirSync(directory)].length;
  for (const { name } of Deno.readDirSync(directory)) {
    const path = `${directory}/${name}/status`;
    const old = String(Math.floor(Date.now() / 1000) - 4 * 86_400);
    const words = (await Deno.readTextFile(path)).trim().split(" ");
    await Deno.writeTextFile(path, `${words.with(3, old).join(" ")}\n`);
  }
  await using session = await open();
  const { text } = await session.call("ssh_list_jobs");
  assert.equal(text, "No jobs");
  assert.deepEqual([...Deno.readDirSync(directory)], []);
  log(`${before} finished jobs that are 4 days old: all removed by the next list, nothing is left`);
}

const startedAt = performance.now();
const dir = await Deno.makeTempDir({ prefix: "mre_by_hand_" });
await using shared = await startSshd({ maxSessions: 50 });
await using restarted = await startSshd();
const stageOf = (name: string): Stage => {
  const sshd = name.startsWith("sshd") ? restarted : shared;
  return {
    sshd,
    open: (env) => new Session(sshd, dir, env).open(),
    log(line) {
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      const text = `${String(seconds).padStart(4)} s  ${name}: ${line}\n`;
      Deno.stdout.writeSync(new TextEncoder().encode(text));
    },
  };
};
const results = await Promise.allSettled(
  Object.entries(SCENARIOS).map(([name, run]) => {
    const stage = stageOf(name);
    return run(stage).catch((error) => {
      stage.log(`FAILED: ${error instanceof Error ? error.stack : error}`);
      throw error;
    });
  }),
);
await showRemoval(stageOf("removal"));
await Deno.remove(dir, { recursive: true });
if (results.some(({ status }) => status === "rejected")) Deno.exitCode = 1;
