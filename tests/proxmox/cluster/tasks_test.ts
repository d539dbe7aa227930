import assert from "node:assert/strict";
import { until } from "../../support/until.ts";
import { bothTest, failure, type Node, nodeTest } from "../node.ts";

const WEB = { ctid: 101, hostname: "web", status: "running" } as const;
const UNKNOWN = "UPID:pve:0000ABCD:0000ABCD:65000000:vzstart:101:root@pam:";

const snapshot = ({ call }: Node, name: string) =>
  call("proxmox_create_snapshot", { ctid: 101, snapshot: name });

const list = async ({ call }: Node, args: Record<string, unknown> = {}) =>
  (await call("proxmox_list_tasks", args)).data.tasks;

/** Starts a task that a test holds, and returns its ID. */
async function heldTask(node: Node): Promise<{ upid: string; ended: Promise<unknown> }> {
  await node.pve.setFault("taskHolds", 0);
  const ended = snapshot(node, "held");
  let upid = "";
  await until("the task runs", async () => {
    const [task] = await list(node, { state: "running" });
    upid = task?.upid ?? "";
    return upid !== "";
  });
  // From here on its worker can be interrupted, not only killed.
  const state = `${node.pve.stateDirectory}/guests/101/state.json`;
  await until(
    "the worker holds",
    () => JSON.parse(Deno.readTextFileSync(state)).lock !== undefined,
  );
  return { upid, ended };
}

bothTest("proxmox_list_tasks returns ended tasks with their results", {
  containers: [WEB],
}, async (node) => {
  assert.deepEqual((await node.call("proxmox_list_tasks")).data, { tasks: [] });
  await snapshot(node, "one");
  assert.equal(failure(await snapshot(node, "one"))[0], "already_exists");
  const tasks = await list(node);
  const [failed] = await list(node, { state: "failed" });
  assert.deepEqual(tasks.map(({ type, id, user }: Record<string, unknown>) => [type, id, user]), [
    ["vzsnapshot", "101", "root@pam"],
    ["vzsnapshot", "101", "root@pam"],
  ]);
  const states = tasks.map(({ status }: { status: string }) => status).sort();
  assert.deepEqual(states, ["OK", "snapshot name 'one' already used"]);
  assert.equal(failed.status, "snapshot name 'one' already used");
  assert.match(failed.ended, /^20\d\d-/);
  assert.deepEqual(await list(node, { state: "running" }), []);
  assert.deepEqual(await list(node, { vmid: 999 }), []);
  assert.equal((await list(node, { vmid: 101, limit: 1 })).length, 1);
  const { data, text } = await node.call("proxmox_task_log", { upid: failed.upid });
  assert.deepEqual([data.status, data.log.split("\n").at(-1)], [
    "snapshot name 'one' already used",
    "TASK ERROR: snapshot name 'one' already used",
  ]);
  assert.match(text, /TASK ERROR/);
});

bothTest("proxmox_stop_task stops what somebody started, once", {
  containers: [WEB],
}, async (node) => {
  const { upid, ended } = await heldTask(node);
  const running = await node.call("proxmox_task_log", { upid });
  assert.deepEqual([running.data.status, running.data.ended], ["running", undefined]);
  const { data, text } = await node.call("proxmox_stop_task", { upid });
  assert.deepEqual([data.success, data.status, data.lock], [true, "received interrupt", undefined]);
  assert.match(text, /^\[SUCCESS\] Task vzsnapshot stopped/);
  await ended;
  const again = failure(await node.call("proxmox_stop_task", { upid }));
  assert.deepEqual(again, [
    "invalid_state",
    `The task has already ended (received interrupt): ${upid}`,
  ]);
});

nodeTest("proxmox_stop_task names the lock that the task leaves", {
  containers: [WEB],
}, async (node) => {
  const { upid, ended } = await heldTask(node);
  await node.pve.setFault("pveshAnswers", {
    "/cluster/resources": '[{"id":"lxc/101","type":"lxc","vmid":101,"lock":"snapshot"}]',
  });
  const { data, text } = await node.call("proxmox_stop_task", { upid });
  assert.equal(data.lock, "snapshot");
  assert.match(text, /\[WARNING\] Guest 101 is still locked \(snapshot\)/);
  await ended;
});

nodeTest("the tools for tasks refuse what is no task, and name a node that cannot be asked", {
  containers: [WEB],
}, async ({ call, pve }) => {
  for (const tool of ["proxmox_task_log", "proxmox_stop_task"]) {
    const missing = failure(await call(tool, { upid: UNKNOWN }));
    assert.deepEqual(missing, ["not_found", `Task not found: ${UNKNOWN}`]);
    for (const odd of ["UPID:pve", UNKNOWN.replace("101", "../x"), `${UNKNOWN} -h`, "--help"]) {
      assert.equal(failure(await call(tool, { upid: odd }))[0], "invalid_argument", odd);
    }
    const far = failure(await call(tool, { upid: UNKNOWN.replace("pve", "pve9") }));
    assert.match(
      far.join(),
      /^unreachable,The cluster node "pve9" cannot be asked: hostname lookup/,
    );
  }
  assert.equal(failure(await call("proxmox_list_tasks", { node: "pve9" }))[0], "unreachable");
  assert.equal(failure(await call("proxmox_list_tasks", { node: "a/b" }))[0], "invalid_argument");
  await pve.setFault("notRoot", true);
  assert.equal(failure(await call("proxmox_list_tasks"))[0], "not_permitted");
});

nodeTest("proxmox_task_log returns the end of a long log", {
  containers: [WEB],
  limits: { characterLimit: 1_000 },
}, async ({ call, pve }) => {
  const path = `/nodes/pve/tasks/${UNKNOWN}`;
  const lines = Array.from(
    { length: 300 },
    (_, index) => ({ n: index + 1, t: `line ${index + 1}` }),
  );
  const status = { upid: UNKNOWN, type: "vzdump", id: "", status: "stopped", exitstatus: "OK" };
  await pve.setFault("pveshAnswers", {
    [`${path}/log`]: JSON.stringify(lines),
    [`${path}/status`]: JSON.stringify(status),
  });
  const { data, text } = await call("proxmox_task_log", { upid: UNKNOWN, tail_lines: 2 });
  assert.deepEqual([data.log, data.lines_omitted], ["line 299\nline 300", 298]);
  assert.match(text, /\(298 lines before these are left out\)/);
  const cut = (await call("proxmox_task_log", { upid: UNKNOWN, tail_lines: 300 })).data;
  assert.ok(cut.log.length <= 1_000 && cut.log.endsWith("line 300"), cut.log);
  assert.equal(cut.lines_omitted + cut.log.split("\n").length, 300);
});
