import assert from "node:assert/strict";
import type { Version } from "../../fakes/proxmox/install.ts";
import { until } from "../../support/until.ts";
import { failure, type Node, nodeTest } from "../node.ts";

const APP = { vmid: 200, name: "app", status: "running" } as const;
const VERSIONS: readonly Version[] = [7, 8, 9];

const call = (node: Node, verb: string, args: Record<string, unknown> = {}) =>
  node.call(`proxmox_${verb}`, { vmid: 200, ...args });

const statusOf = async (node: Node) => (await call(node, "vm_status")).data.status;

for (const version of VERSIONS) {
  nodeTest(`VM snapshots are made, listed, rolled back and deleted (${version})`, {
    vms: [APP],
    version,
  }, async (node) => {
    assert.deepEqual((await call(node, "list_vm_snapshots")).data, { vmid: 200, snapshots: [] });
    const made = await call(node, "create_vm_snapshot", {
      snapshot: "with_ram",
      description: "--start 'quoted' é\nsecond line",
      include_ram: true,
    });
    assert.deepEqual(made.data, {
      success: true,
      message: 'Snapshot "with_ram" of VM 200 created with its RAM',
      vmid: 200,
      snapshot: "with_ram",
      includes_ram: true,
    });
    const plain = await call(node, "create_vm_snapshot", { snapshot: "plain" });
    assert.deepEqual([plain.data.message, plain.data.includes_ram], [
      'Snapshot "plain" of VM 200 created',
      false,
    ]);
    const { data, text } = await call(node, "list_vm_snapshots");
    assert.deepEqual(
      data.snapshots.map((
        { name, description, parent, includes_ram }: Record<string, unknown>,
      ) => [name, description, parent, includes_ram]),
      [
        ["with_ram", "--start 'quoted' é\nsecond line", undefined, true],
        ["plain", "", "with_ram", false],
      ],
    );
    assert.equal(data.current_parent, "plain");
    assert.match(text, /with_ram {2}\(with RAM\) {2}/);
    assert.doesNotMatch(text, /plain.*RAM/);
    const stopped = await call(node, "rollback_vm_snapshot", { snapshot: "plain" });
    assert.deepEqual([stopped.data.message, stopped.data.status], [
      'VM 200 rolled back to snapshot "plain"; it is now stopped',
      "stopped",
    ]);
    const started = await call(node, "rollback_vm_snapshot", { snapshot: "plain", start: true });
    assert.equal(started.data.status, "running");
    const resumed = await call(node, "rollback_vm_snapshot", { snapshot: "with_ram" });
    assert.deepEqual([resumed.data.status, await statusOf(node)], ["running", "running"]);
    assert.equal((await call(node, "list_vm_snapshots")).data.current_parent, "with_ram");
    const gone = await call(node, "delete_vm_snapshot", { snapshot: "with_ram" });
    assert.equal(gone.data.message, 'Snapshot "with_ram" of VM 200 deleted');
    assert.equal((await call(node, "list_vm_snapshots")).data.snapshots.length, 1);
    assert.deepEqual(await node.pve.disks(), ["vm-200-disk-0"]);
  });
}

nodeTest("a snapshot of a stopped VM says that it has no RAM", {
  vms: [{ ...APP, status: "stopped" }],
}, async (node) => {
  const args = { snapshot: "one", include_ram: true };
  const { data } = await call(node, "create_vm_snapshot", args);
  assert.deepEqual([data.success, data.includes_ram, data.message], [
    true,
    false,
    'Snapshot "one" of VM 200 created without RAM: the VM was not running',
  ]);
});

nodeTest("proxmox_create_vm_snapshot reports why it failed, and leaves nothing", {
  vms: [
    APP,
    { vmid: 201, status: "stopped", template: true },
    { vmid: 202, status: "stopped", lock: "backup" },
    { vmid: 203, status: "running", config: { "amd-sev": "type=std" } },
  ],
}, async (node) => {
  const create = async (args: Record<string, unknown>) =>
    failure(await call(node, "create_vm_snapshot", args));
  await call(node, "create_vm_snapshot", { snapshot: "one" });
  assert.deepEqual(await create({ snapshot: "one" }), [
    "already_exists",
    'VM 200 already has a snapshot "one"',
  ]);
  for (const name of ["a", "1abc", "a b", "x".repeat(41), "-rf", "current", "pending"]) {
    assert.equal((await create({ snapshot: name }))[0], "invalid_argument", name);
  }
  assert.equal((await create({ vmid: 201, snapshot: "ok" }))[0], "invalid_state");
  assert.deepEqual(await create({ vmid: 202, snapshot: "ok" }), [
    "locked",
    "VM 202 is locked (backup)",
  ]);
  assert.deepEqual(await create({ vmid: 203, snapshot: "ok", include_ram: true }), [
    "unsupported",
    "VM 203 cannot be saved or moved with its RAM: it uses amd-sev",
  ]);
  assert.deepEqual(await create({ vmid: 999, snapshot: "ok" }), ["not_found", "VM 999 not found"]);
  await node.pve.setFault("storageFull", ["local-lvm"]);
  const [code, error] = await create({ snapshot: "two", include_ram: true });
  assert.equal(code, "disk_full");
  assert.match(error, /: the storage or the disk is full: unable to save VM state and RAM - /);
  assert.doesNotMatch(error, /locked/);
  assert.equal((await call(node, "list_vm_snapshots")).data.snapshots.length, 1);
  await node.pve.setFault("noSnapshots", true);
  assert.equal((await create({ snapshot: "two" }))[0], "unsupported");
});

nodeTest("proxmox_rollback_vm_snapshot changes nothing if it is refused", {
  vms: [APP],
}, async (node) => {
  const rollback = async (snapshot: string) => {
    const { data } = await call(node, "rollback_vm_snapshot", { snapshot });
    return [data.code, data.error, data.suggestion];
  };
  await call(node, "create_vm_snapshot", { snapshot: "old" });
  await call(node, "create_vm_snapshot", { snapshot: "new" });
  assert.deepEqual(await rollback("nope"), [
    "not_found",
    'Snapshot "nope" of VM 200 not found',
    "Use proxmox_list_vm_snapshots to see its snapshots",
  ]);
  await node.pve.setFault("onlyNewestSnapshot", true);
  assert.deepEqual(await rollback("old"), [
    "invalid_state",
    'The storage of VM 200 can only roll back to the newest snapshot, and "old" is not',
    "Delete the newer snapshots first with proxmox_delete_vm_snapshot; proxmox_list_vm_snapshots shows them",
  ]);
  await node.pve.setFault("replicated", [200]);
  assert.equal((await rollback("new"))[0], "locked");
  assert.equal(await statusOf(node), "running");
});

nodeTest("a rollback whose VM does not start says that it was rolled back", {
  vms: [APP],
}, async (node) => {
  await call(node, "create_vm_snapshot", { snapshot: "with_ram", include_ram: true });
  await call(node, "create_vm_snapshot", { snapshot: "plain" });
  await node.pve.setFault("startFails", true);
  for (const [snapshot, start] of [["with_ram", false], ["plain", true]] as const) {
    const answer = await call(node, "rollback_vm_snapshot", { snapshot, start });
    assert.deepEqual(failure(answer), [
      "verification_failed",
      `VM 200 was rolled back to the snapshot "${snapshot}", but did not start: QEMU exited with code 1`,
    ]);
    assert.match(answer.data.suggestion, /^Do not roll back again: start it with proxmox_start_vm/);
    assert.equal((await call(node, "list_vm_snapshots")).data.current_parent, snapshot);
  }
});

nodeTest("a deletion that fails in the middle names the lock that it left", {
  vms: [APP],
}, async (node) => {
  await call(node, "create_vm_snapshot", { snapshot: "one" });
  await node.pve.setFault("volumeStays", [200]);
  const { data } = await call(node, "delete_vm_snapshot", { snapshot: "one" });
  assert.equal(data.code, "io_error");
  assert.match(
    data.error,
    /; VM 200 is still locked \(snapshot-delete\), and the work is half done$/,
  );
  assert.doesNotMatch(data.error, /\.;/);
  assert.match(data.suggestion, /run `qm unlock 200`.*, then repeat the call$/);
  const { snapshots } = (await call(node, "list_vm_snapshots")).data;
  assert.equal(snapshots[0].state, "delete");
  const again = await call(node, "rollback_vm_snapshot", { snapshot: "one" });
  assert.deepEqual(failure(again), [
    "invalid_state",
    'The snapshot "one" of VM 200 is incomplete',
  ]);
});

nodeTest("a VM snapshot tool whose result cannot be read back says so", {
  vms: [APP],
}, async (node) => {
  await node.pve.setFault("pveshAnswers", { "/nodes/localhost/qemu/200/snapshot": "no JSON" });
  for (const verb of ["create", "rollback", "delete"]) {
    const answer = await call(node, `${verb}_vm_snapshot`, { snapshot: "one" });
    const [code, error] = failure(answer);
    assert.equal(code, "verification_failed");
    assert.match(error, /was reported as done, but the result could not be read back/);
  }
});

const EARLY = { link: "openssh", answerWithinMs: 1_000 } as const;
const WEB = { ctid: 101, hostname: "web", status: "running" } as const;

/** Calls a tool whose task is held, lets it go on as a job, and reads its end. */
async function asJob(node: Node, name: string, args: Record<string, unknown>) {
  await node.pve.setFault("taskHolds", 0);
  const early = await node.call(name, args);
  assert.equal(early.data.running, true, early.text);
  await node.pve.setFault("taskHolds", undefined);
  return { ...early, ...await endOf(node, early.data.job_id) };
}

async function endOf(node: Node, job_id: string) {
  for (;;) {
    const { data } = await node.call("ssh_job_output", { job_id, wait_seconds: 30 });
    if (!data.running) return { log: data.text, exitCode: data.exit_code };
  }
}

/** Calls a tool whose task is not held. On a slow machine it goes on as a job, too. */
async function complete(node: Node, name: string, args: Record<string, unknown>) {
  const { data, text } = await node.call(name, args);
  if (!data.running) return assert.equal(data.success, true, text);
  const { log, exitCode } = await endOf(node, data.job_id);
  assert.equal(exitCode, 0, log);
}

nodeTest("a snapshot with RAM, a rollback and a deletion go on as jobs", {
  ...EARLY,
  vms: [APP],
}, async (node) => {
  const one = { vmid: 200, snapshot: "one" };
  const made = await asJob(node, "proxmox_create_vm_snapshot", { ...one, include_ram: true });
  assert.match(
    made.text,
    /^\[RUNNING\] Creating the snapshot "one" of VM 200 continues on the host as job /,
  );
  assert.match(
    made.text,
    /its output ends with the result as read back, which proxmox_list_vm_snap/,
  );
  assert.match(made.log, /^parent: one$/m);
  assert.match(made.log, /^\[SUCCESS\] The result was read back$/m);
  assert.match(made.log, /^completed saving the VM state in /m);
  const listed = await call(node, "list_vm_snapshots");
  assert.deepEqual(listed.data.snapshots[0].includes_ram, true);
  const rolled = await asJob(node, "proxmox_rollback_vm_snapshot", one);
  assert.match(
    rolled.text,
    /^\[RUNNING\] Rolling back to the snapshot "one" of VM 200 continues on the host as job /,
  );
  assert.match(rolled.log, /^status: running$/m);
  assert.deepEqual([rolled.exitCode, await statusOf(node)], [0, "running"]);
  const gone = await asJob(node, "proxmox_delete_vm_snapshot", one);
  assert.match(
    gone.text,
    /^\[RUNNING\] Deleting the snapshot "one" of VM 200 continues on the host as job /,
  );
  assert.match(gone.log, /=== READ BACK ===\ncurrent\n\[SUCCESS\] The result was read back\n$/);
  assert.equal(gone.exitCode, 0);
  assert.deepEqual((await call(node, "list_vm_snapshots")).data.snapshots, []);
});

nodeTest("the job of a rollback fails if the VM does not start afterwards", {
  ...EARLY,
  vms: [APP],
}, async (node) => {
  await complete(node, "proxmox_create_vm_snapshot", { vmid: 200, snapshot: "one" });
  await node.pve.setFault("startFails", true);
  const args = { vmid: 200, snapshot: "one", start: true };
  const { log, exitCode } = await asJob(node, "proxmox_rollback_vm_snapshot", args);
  assert.equal(exitCode, 1);
  assert.match(log, /^start failed: QEMU exited with code 1$/m);
  assert.match(
    log,
    /^status: stopped\n\[ERROR\] .*: expected "status: running" and no "lock: rollback"$/m,
  );
});

nodeTest("stopping the job of a snapshot with RAM leaves no snapshot and no lock", {
  ...EARLY,
  vms: [APP],
}, async (node) => {
  await node.pve.setFault("taskHolds", 0);
  const args = { snapshot: "one", include_ram: true };
  const { data } = await call(node, "create_vm_snapshot", args);
  await until("half of the snapshot", async () => {
    const [half] = (await call(node, "list_vm_snapshots")).data.snapshots;
    return half?.state === "prepare" && half.includes_ram;
  });
  const stopped = await node.call("ssh_stop_job", { job_id: data.job_id });
  assert.equal(stopped.data.state, "stopped");
  await node.pve.setFault("taskHolds", undefined);
  assert.deepEqual((await call(node, "list_vm_snapshots")).data.snapshots, []);
  await complete(node, "proxmox_create_vm_snapshot", { vmid: 200, snapshot: "one" });
});

nodeTest("a rollback whose task is killed names the lock, and can be repeated", {
  vms: [APP],
}, async (node) => {
  await call(node, "create_vm_snapshot", { snapshot: "one" });
  await node.pve.setFault("taskHolds", 0);
  const answer = call(node, "rollback_vm_snapshot", { snapshot: "one" });
  let task: { readonly upid: string } | undefined;
  await until("the rollback runs", async () => {
    const { data } = await node.call("proxmox_list_tasks", { state: "running" });
    [task] = data.tasks;
    return task !== undefined && (await node.pve.state(200))?.lock === "rollback";
  });
  const pid = Number.parseInt(task?.upid.split(":")[2] ?? "", 16);
  Deno.kill(-pid, "SIGKILL");
  const [code, error] = failure(await answer);
  assert.equal(code, "io_error");
  assert.match(error, /VM 200 is still locked \(rollback\), and the work is half done$/);
  await node.pve.setFault("taskHolds", undefined);
  await node.call("ssh_exec_command", { command: "qm unlock 200" });
  const again = await call(node, "rollback_vm_snapshot", { snapshot: "one" });
  assert.equal(again.data.status, "stopped");
});

nodeTest("the rollback and the deletion of a container's snapshot go on as jobs too", {
  ...EARLY,
  containers: [WEB],
}, async (node) => {
  const one = { ctid: 101, snapshot: "one" };
  await complete(node, "proxmox_create_snapshot", one);
  const rolled = await asJob(node, "proxmox_rollback_snapshot", one);
  assert.match(rolled.text, /as read back, which proxmox_list_snapshots shows too\./);
  assert.equal((await node.call("proxmox_container_status", { ctid: 101 })).data.status, "stopped");
  await asJob(node, "proxmox_delete_snapshot", one);
  assert.deepEqual((await node.call("proxmox_list_snapshots", { ctid: 101 })).data.snapshots, []);
});
