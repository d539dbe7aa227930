/** Interrupted tasks: the guest must not stay locked, and the answer must describe its real state. */
import assert from "node:assert/strict";
import type { Progress } from "../../src/mcp/tool.ts";
import { ProxmoxHost } from "../../src/proxmox/host.ts";
import type { SshPort } from "../../src/ssh/port.ts";
import { SshService } from "../../src/ssh/service.ts";
import { startDelayProxy } from "../peers/delay_proxy.ts";
import { connectTo } from "../peers/openssh.ts";
import { until } from "../support/until.ts";
import { CONTAINERS, peerTest, SSHD } from "../peers/require.ts";
import { installProxmox } from "../fakes/proxmox/install.ts";
import { bothTest, failure, type Node, startSshdFor, untilStartsAreKnown } from "./node.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { NO_JOBS } from "../support/no_jobs.ts";

const WEB = { ctid: 101, hostname: "web", status: "running" } as const;
/** Longer than the time that other commands get between TERM and KILL. */
const CLEANUP_MS = 2_500;

const lockOf = (pve: Node["pve"]): string | undefined =>
  JSON.parse(Deno.readTextFileSync(`${pve.stateDirectory}/guests/101/state.json`)).lock;

const TASKS: readonly (readonly [string, string, Record<string, unknown>])[] = [
  ["proxmox_backup", "The backup of 101", { vmid: 101 }],
  ["proxmox_create_snapshot", 'Creating the snapshot "one"', { ctid: 101, snapshot: "one" }],
];

bothTest("a cancelled task has cleaned up when the answer says that it was stopped", {
  containers: [WEB],
}, async (node) => {
  const { pve, call } = node;
  await pve.setFault("taskHolds", 0);
  await pve.setFault("cleanupMs", CLEANUP_MS);
  for (const [tool, action, args] of TASKS) {
    const controller = new AbortController();
    const answer = call(tool, args, { signal: controller.signal });
    await until("the task is under way", () => lockOf(pve) !== undefined);
    await untilStartsAreKnown(node);
    controller.abort();
    const expected = ["cancelled", `${action} was cancelled; it was stopped on the host`];
    assert.deepEqual(failure(await answer), expected);
    assert.equal(lockOf(pve), undefined);
  }
});

bothTest("a task that timed out has cleaned up when the answer says that it was stopped", {
  containers: [WEB],
}, async ({ pve, call }) => {
  await pve.setFault("taskHolds", 0);
  await pve.setFault("cleanupMs", CLEANUP_MS);
  const [code, error] = failure(await call("proxmox_backup", { vmid: 101, timeout: 4 }));
  assert.deepEqual([code, error], [
    "timeout",
    "The backup of 101 did not end within 4 seconds; it was stopped on the host",
  ]);
  assert.equal(lockOf(pve), undefined);
});

bothTest("proxmox_backup reports its progress", { containers: [WEB] }, async ({ pve, call }) => {
  const steps: Progress[] = [];
  await pve.setFault("taskHolds", 25);
  const progress = (step: Progress) => void steps.push(step);
  const answer = call("proxmox_backup", { vmid: 101 }, { progress });
  const seen = (percent: number) =>
    until(
      `${percent} %`,
      () => steps.some(({ message = "" }) => message.startsWith(`${percent}% (`)),
    );
  await seen(25);
  await pve.setFault("taskHolds", 60);
  await seen(60);
  await pve.setFault("taskHolds", undefined);
  assert.equal((await answer).data.success, true);
  const values = steps.map((step) => step.progress);
  assert.deepEqual(values, values.toSorted((a, b) => a - b));
  assert.equal(new Set(values).size, values.length);
  const last = steps.findLast(({ message = "" }) => message.startsWith("60% ("));
  assert.deepEqual([Math.floor(last?.progress ?? 0), last?.total], [60, 100]);
});

/** A host on which every command times out, and the cleanup times that the commands were given. */
function endlessHost(ending: "timeout" | "connection_lost" = "timeout") {
  const graces: (number | undefined)[] = [];
  const unused = () => Promise.reject(new Error("not expected"));
  const nothing = { text: "", truncated: false, originalLength: 0 };
  const port: SshPort = {
    ...NO_JOBS,
    ...{ configure: unused, copy: unused, stat: unused, serveFiles: unused },
    copyDirectory: unused,
    ...{ diagnose: unused, close: unused },
    exec({ graceMs }) {
      graces.push(graceMs);
      return Promise.resolve({
        ...{ ending, exitCode: null, signal: null, durationMs: 1, processEnded: false },
        ...{ stdout: nothing, stderr: nothing },
      });
    },
  };
  return { host: new ProxmoxHost(new SshService(port, LIMITS)), graces };
}

const LIMITS = { characterLimit: 25_000, maxFileBytes: 1_000, timeoutMs: 30_000 };

Deno.test("a task gets time to clean up, and the answer says if it may still run", async () => {
  const { host, graces } = endlessHost();
  const { signal } = new AbortController();
  const call = { signal, progress: undefined, timeoutMs: 5_000, action: "Starting container 101" };
  const mayStillRun = {
    code: "timeout",
    message: "Starting container 101 did not end within 5 seconds; it may still run on the host",
    suggestion:
      "Leave the guest alone until its task has ended: proxmox_list_tasks shows it, proxmox_task_log its log",
  };
  await assert.rejects(host.task(["pct", "start", "101"], call), mayStillRun);
  await assert.rejects(host.run(["pct", "list"], call), { code: "timeout" });
  await assert.rejects(host.get("/nodes", [], call), { code: "timeout" });
  assert.deepEqual(graces, [30_000, undefined, undefined]);
});

Deno.test("a task whose connection is lost has an unknown result", async () => {
  const { host } = endlessHost("connection_lost");
  const { signal } = new AbortController();
  const call = { signal, progress: undefined, action: 'Creating the snapshot "one"' };
  await assert.rejects(host.task(["pct", "snapshot", "101", "one"], call), {
    code: "connection_lost",
    message: 'Creating the snapshot "one" has an unknown result: the SSH connection was lost',
  });
});

for (const way of ["SIGKILL", "SIGTERM", "a cut link"] as const) {
  peerTest({
    name: `a task that is interrupted by ${way} cleans up on the host`,
    peer: [SSHD, ...CONTAINERS],
    async fn() {
      await using pve = disposable(await installProxmox());
      await pve.addContainer(WEB);
      await pve.setFault("taskHolds", 0);
      await pve.setFault("cleanupMs", CLEANUP_MS);
      await using sshd = await startSshdFor(pve);
      await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 0 });
      using dir = temporaryDirectory();
      await using server = await connectTo(sshd, dir.path, {
        ENABLE_PROXMOX: "true",
        SSH_PORT: String(proxy.port),
        SSH_STRICT_HOST_KEY_CHECKING: "false",
      });
      const answer = server.call("proxmox_create_snapshot", { ctid: 101, snapshot: "one" });
      answer.catch(() => {}); // the server may not live to answer
      await until("the task is under way", () => lockOf(pve) === "snapshot");
      if (way === "a cut link") proxy.cut();
      else server.server.kill(way);
      await until("the container is not locked", () => lockOf(pve) === undefined);
    },
  });
}

function disposable<T extends { close(): Promise<void> }>(value: T): T & AsyncDisposable {
  return Object.assign(value, { [Symbol.asyncDispose]: () => value.close() });
}
