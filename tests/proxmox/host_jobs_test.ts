import assert from "node:assert/strict";
import { until } from "../support/until.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { type Answer, failure, type Node, nodeTest, processesLike } from "./node.ts";

const WEB = { ctid: 101, hostname: "web", status: "running", bash: true } as const;
const APP = { vmid: 202, name: "app", status: "running", agent: true } as const;
const EARLY = { link: "openssh", answerWithinMs: 1_000, containers: [WEB], vms: [APP] } as const;

/** A command that prints to both streams and ends with 7 when it finds a file. */
const waitingFor = (path: string): string =>
  `echo before; echo oh >&2; while [ ! -e ${path} ]; do sleep 0.05; done; echo after; exit 7`;

const succeeded = ({ data, text, isError }: Answer) => {
  assert.equal(isError, false, text);
  return data;
};

/** Reads a job's output to its end. */
async function whole(node: Node, job_id: string, stream = "stdout") {
  let text = "";
  for (let from = 0;;) {
    const args = { job_id, stream, from, wait_seconds: 30 };
    const data = succeeded(await node.call("ssh_job_output", args));
    text += data.text;
    if (!data.running && data.next === from) return { ...data, text };
    from = data.next;
  }
}

const stop = async (node: Node, job_id: string) =>
  succeeded(await node.call("ssh_stop_job", { job_id }));

nodeTest("a command in a container goes on as a job", EARLY, async (node) => {
  const command = waitingFor("/tmp/go");
  const args = { ctid: 101, command, timeout: 120 };
  const early = succeeded(await node.call("proxmox_container_exec_command", args));
  assert.deepEqual([early.running, early.ctid], [true, 101]);
  // A slow machine may not have printed it yet.
  assert.ok("before\n".startsWith(early.stdout) && "oh\n".startsWith(early.stderr));
  await Deno.writeTextFile(`${node.pve.rootfs(101)}/tmp/go`, "");
  const { text, exit_code } = await whole(node, early.job_id);
  assert.deepEqual([text, exit_code], ["before\nafter\n", 7]);
  assert.equal((await whole(node, early.job_id, "stderr")).text, "oh\n");
  const { jobs } = succeeded(await node.call("ssh_list_jobs"));
  assert.deepEqual(jobs.map(({ job_id, ctid }: typeof early) => [job_id, ctid]), [
    [early.job_id, 101],
  ]);
});

nodeTest("stopping a job reaches the processes in its container", EARLY, async (node) => {
  const args = { ctid: 101, command: "sleep 7211 & sleep 7211" };
  const { job_id } = succeeded(await node.call("ssh_start_job", args));
  await until("it runs", () => processesLike(/^sleep 7211/).length === 2);
  const { state, process_ended } = await stop(node, job_id);
  assert.deepEqual([state, process_ended], ["stopped", true]);
  assert.deepEqual(processesLike(/^sleep 7211/), []);
});

nodeTest("a command in a VM goes on as a job, which takes over its output", EARLY, async (node) => {
  const run = (command: string) =>
    node.call("proxmox_vm_exec_command", { vmid: 202, command, timeout: 120 });
  const early = succeeded(await run(`echo 'é€'; ${waitingFor("/tmp/go")}`));
  assert.deepEqual([early.running, early.vmid], [true, 202]);
  await run("touch /tmp/go");
  const { text, exit_code } = await whole(node, early.job_id);
  assert.deepEqual([text, exit_code], ["é€\nbefore\nafter\n", 7]);
  assert.equal((await whole(node, early.job_id, "stderr")).text, "oh\n");
});

nodeTest("stopping a job reaches the processes in its VM", EARLY, async (node) => {
  const args = { vmid: 202, command: "sleep 7213 & sleep 7213", timeout: 120 };
  const { job_id } = succeeded(await node.call("proxmox_vm_exec_command", args));
  await until("it runs", () => processesLike(/^sleep 7213/).length === 2);
  await node.newCalls();
  const isWatched = (call: string) => call.startsWith("qm guest exec-status 202 ");
  await until("the job follows it", async () => (await node.newCalls()).some(isWatched));
  const { state } = await stop(node, job_id);
  assert.equal(state, "stopped");
  await until("their end", () => processesLike(/^sleep 7213/).length === 0);
});

nodeTest("a backup that takes long goes on as a job", EARLY, async (node) => {
  await node.pve.setFault("taskHolds", 0);
  const { text, data } = await node.call("proxmox_backup", { vmid: 101 });
  assert.equal(data.running, true, text);
  assert.match(text, /^\[RUNNING\] The backup of 101 continues on the host as job /);
  await node.pve.setFault("taskHolds", undefined);
  const { text: log, exit_code } = await whole(node, data.job_id);
  assert.match(log, /^INFO: Backup job finished successfully$/m);
  assert.equal(exit_code, 0);
  const { backups } = succeeded(await node.call("proxmox_list_backups", { vmid: 101 }));
  assert.equal(backups.length, 1);
});

nodeTest(
  "a snapshot that takes long goes on as a job, and stopping it cleans up",
  EARLY,
  async (node) => {
    await node.pve.setFault("taskHolds", 0);
    const args = { ctid: 101, snapshot: "before" };
    const { data, text } = await node.call("proxmox_create_snapshot", args);
    assert.equal(data.running, true, text);
    await stop(node, data.job_id);
    await node.pve.setFault("taskHolds", undefined);
    const { snapshots } = succeeded(await node.call("proxmox_list_snapshots", { ctid: 101 }));
    assert.deepEqual(snapshots, []);
  },
);

nodeTest("a container whose creation takes long is made by a job, with its password", {
  ...EARLY,
  containers: [],
}, async (node) => {
  const template = await node.pve.addTemplate();
  await node.pve.setFault("taskHolds", 0);
  const args = { template, hostname: "web", password: "hunter22", ssh_keys: `ssh-rsa AAAA` };
  const { data, text } = await node.call("proxmox_create_container", args);
  assert.deepEqual([data.running, data.ctid], [true, 100], text);
  assert.match(text, /^\[RUNNING\] Container 100 is being created/);
  await node.pve.setFault("taskHolds", undefined);
  const { text: log, exit_code } = await whole(node, data.job_id);
  assert.match(log, /^extracting archive /m);
  assert.equal(exit_code, 0);
  const { jobs } = succeeded(await node.call("ssh_list_jobs"));
  assert.match(jobs[0].command, /^pct create 100 /);
  assert.doesNotMatch(JSON.stringify(jobs), /hunter22/);
  assert.match((await node.pve.state(100))?.passwordHash ?? "", /^[0-9a-f]{64}$/);
});

nodeTest("a change of state that takes long goes on as a job, which reads the state back", {
  ...EARLY,
  containers: [WEB, { ctid: 102, hostname: "db", status: "stopped" }],
}, async (node) => {
  const steps = [
    ["shutdown", "container", 101, "Shutting down container 101", "stopped"],
    ["start", "container", 102, "Starting container 102", "running"],
    ["reboot", "vm", 202, "Rebooting VM 202", "running"],
    ["stop", "vm", 202, "Stopping VM 202", "stopped"],
  ] as const;
  for (const [verb, kind, id, action, state] of steps) {
    await node.pve.setFault("taskHolds", 0);
    const target = kind === "container" ? { ctid: id } : { vmid: id };
    const early = await node.call(`proxmox_${verb}_${kind}`, target);
    const { running, job_id, success, ...rest } = succeeded(early);
    assert.deepEqual([running, success, rest], [true, undefined, target], early.text);
    assert.ok(early.text.startsWith(`[RUNNING] ${action} continues on the host as job ${job_id};`));
    assert.match(early.text, new RegExp(`the result as read back, which proxmox_${kind}_status`));
    await node.pve.setFault("taskHolds", undefined);
    const { text, exit_code } = await whole(node, job_id);
    assert.equal(exit_code, 0, text);
    const found = /^=== READ BACK ===\n([^]*)$/m.exec(text)?.[1] ?? "";
    assert.match(found, new RegExp(`^status: ${state}$`, "m"));
    assert.match(found, /\n\[SUCCESS\] The result was read back\n$/);
    assert.equal((await node.call(`proxmox_${kind}_status`, target)).data.status, state);
  }
});

nodeTest("a job fails if its command reports success without the expected result", {
  ...EARLY,
  containers: [WEB, { ctid: 102, hostname: "db", status: "stopped" }],
}, async (node) => {
  const cases = [
    [
      "rebootDoesNothing",
      101,
      "reboot_container",
      {},
      /: expected "status: running" and no "pid: \d+"$/m,
    ],
    [
      "resizeFails",
      101,
      "resize_container",
      { disk: "rootfs", size: "+1G" },
      /: expected no "rootfs: .*"$/m,
    ],
    ["noTemplates", 102, "convert_container_to_template", {}, /: expected "template: 1"$/m],
  ] as const;
  for (const [fault, ctid, tool, args, reason] of cases) {
    await node.pve.setFault(fault, fault === "noTemplates" ? true : [ctid]);
    await node.pve.setFault("taskHolds", 0);
    const { job_id } = succeeded(await node.call(`proxmox_${tool}`, { ctid, ...args }));
    await node.pve.setFault("taskHolds", undefined);
    const { text, exit_code } = await whole(node, job_id);
    assert.equal(exit_code, 1, text);
    assert.match(text, /^\[ERROR\] The command reported success, but the result differs: /m);
    assert.match(text, reason);
  }
});

nodeTest("the wait for HA goes on as a job", {
  link: "openssh",
  answerWithinMs: 20_000,
  // Only the wait passes quickly, not the command before.
  clock: new FakeClock({ skipUpToMs: Infinity }),
  containers: [{ ...WEB, ha: true }],
}, async (node) => {
  await node.pve.setFault("haDelayMs", 3_600_000);
  const { data, text } = await node.call("proxmox_stop_container", { ctid: 101 });
  assert.deepEqual([data.running, data.success, data.ctid], [true, undefined, 101], text);
  assert.match(text, /^\[RUNNING\] Stopping container 101 was requested from HA; the wait for it /);
  const { jobs } = succeeded(await node.call("ssh_list_jobs"));
  assert.equal(jobs[0].command, "wait until container 101 is stopped");
  // Nothing is printed before the result, so that a call that waits for output waits for it.
  const waiting = succeeded(await node.call("ssh_job_output", { job_id: data.job_id }));
  assert.deepEqual([waiting.running, waiting.text], [true, ""]);
  assert.equal((await stop(node, data.job_id)).state, "stopped");
});

nodeTest("a change of state that ends in time has the same answer as without a job", {
  link: "openssh",
  answerWithinMs: 100_000,
  containers: [WEB],
  vms: [{ vmid: 203, name: "other", status: "stopped" }],
}, async (node) => {
  const started = await node.call("proxmox_start_vm", { vmid: 203 });
  const message = "VM 203 started successfully";
  assert.deepEqual(started.data, { success: true, message, vmid: 203 });
  assert.equal(started.text, `[SUCCESS] ${message}`);
  assert.equal((await node.call("proxmox_reboot_container", { ctid: 101 })).data.success, true);
  await node.pve.setFault("rebootDoesNothing", [101]);
  assert.deepEqual(failure(await node.call("proxmox_reboot_container", { ctid: 101 })), [
    "verification_failed",
    "Rebooting container 101 was reported as done, but container 101 is running as before",
  ]);
  assert.deepEqual(failure(await node.call("proxmox_start_vm", { vmid: 203 })), [
    "invalid_state",
    "VM 203 is already running",
  ]);
  assert.deepEqual(succeeded(await node.call("ssh_list_jobs")).jobs, []);
});
