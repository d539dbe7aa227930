import assert from "node:assert/strict";
import { bothTest, failure, type Node, nodeTest } from "../node.ts";

const WEB = { ctid: 101, hostname: "web", status: "running" } as const;

const call = (node: Node, verb: string, args: Record<string, unknown> = {}) =>
  node.call(`proxmox_${verb}`, { ctid: 101, ...args });

bothTest("proxmox_create_snapshot and the others create, list, roll back and delete", {
  containers: [WEB],
}, async (node) => {
  const file = `${node.pve.rootfs(101)}/root/state`;
  await Deno.writeTextFile(file, "before");
  assert.deepEqual((await call(node, "list_snapshots")).data, { ctid: 101, snapshots: [] });
  const made = await call(node, "create_snapshot", {
    snapshot: "before_upgrade",
    description: "--start 'quoted' é\nsecond line",
  });
  assert.deepEqual(made.data, {
    success: true,
    message: 'Snapshot "before_upgrade" of container 101 created',
    ctid: 101,
    snapshot: "before_upgrade",
  });
  await call(node, "create_snapshot", { snapshot: "second" });
  const { data, text } = await call(node, "list_snapshots");
  assert.deepEqual(
    data.snapshots.map((one: Record<string, string>) => [one.name, one.description, one.parent]),
    [["before_upgrade", "--start 'quoted' é\nsecond line", undefined], [
      "second",
      "",
      "before_upgrade",
    ]],
  );
  assert.match(data.snapshots[0].created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(data.current_parent, "second");
  assert.match(text, /before_upgrade/);
  await Deno.writeTextFile(file, "after");
  const rolled = await call(node, "rollback_snapshot", { snapshot: "before_upgrade" });
  assert.deepEqual([rolled.data.success, rolled.data.status], [true, "stopped"]);
  assert.equal(await Deno.readTextFile(file), "before");
  const gone = await call(node, "delete_snapshot", { snapshot: "second" });
  assert.equal(gone.data.message, 'Snapshot "second" of container 101 deleted');
  assert.equal((await call(node, "list_snapshots")).data.snapshots.length, 1);
});

nodeTest("proxmox_create_snapshot reports why it failed", {
  containers: [WEB, { ctid: 104, status: "stopped", template: true }, {
    ctid: 105,
    status: "stopped",
    lock: "snapshot-delete",
  }],
}, async (node) => {
  const create = async (snapshot: string, ctid = 101) =>
    failure(await call(node, "create_snapshot", { snapshot, ctid }));
  await call(node, "create_snapshot", { snapshot: "one" });
  assert.deepEqual((await create("one"))[0], "already_exists");
  assert.deepEqual((await create("current"))[0], "invalid_argument");
  for (const name of ["a", "1abc", "a b", "x".repeat(41), "-rf"]) {
    assert.equal((await create(name))[0], "invalid_argument");
  }
  assert.equal((await create("ok", 104))[0], "invalid_state");
  assert.deepEqual(await create("ok", 105), [
    "locked",
    "Container 105 is locked (snapshot-delete)",
  ]);
  await node.pve.setFault("noSnapshots", true);
  assert.equal((await create("two"))[0], "unsupported");
});

nodeTest("proxmox_rollback_snapshot and delete name a missing snapshot", {
  containers: [WEB],
}, async (node) => {
  for (const verb of ["rollback_snapshot", "delete_snapshot"]) {
    const answer = await call(node, verb, { snapshot: "nope" });
    assert.deepEqual(failure(answer), [
      "not_found",
      'Snapshot "nope" of container 101 not found',
    ]);
  }
  const status = await call(node, "container_status");
  assert.equal(status.data.status, "running");
});

nodeTest("a snapshot that was made and cannot be read back is not reported as an internal error", {
  containers: [WEB],
}, async (node) => {
  await node.pve.setFault("pveshAnswers", { "/nodes/localhost/lxc/101/snapshot": "no JSON" });
  for (const verb of ["create", "rollback", "delete"]) {
    const args = { ctid: 101, snapshot: "one" };
    const [code, error] = failure(await node.call(`proxmox_${verb}_snapshot`, args));
    assert.equal(code, "verification_failed");
    assert.match(error, /was reported as done, but the result could not be read back/);
  }
});
