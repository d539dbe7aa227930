import assert from "node:assert/strict";
import { FakeClock } from "../../support/fake_clock.ts";
import { bothTest, failure, type Node, nodeTest } from "../node.ts";

const WEB = { ctid: 101, hostname: "web", status: "running" } as const;
const IDLE = { ctid: 102, status: "stopped" } as const;
const LOCKED = { ctid: 1103, hostname: "backup-me", status: "stopped", lock: "backup" } as const;
const TEMPLATE = { ctid: 104, hostname: "base", status: "stopped", template: true } as const;
const FAR = { ctid: 300, hostname: "far", status: "running", node: "pve2" } as const;

/** Every tool whose only required argument is ctid. */
const TOOLS = ["container_status", "container_config", "start_container", "stop_container"].concat(
  ["shutdown_container", "reboot_container", "list_snapshots"],
);

/** Every tool for containers, with its other required arguments. */
const ALL_TOOLS = TOOLS.map((tool): [string, object] => [tool, {}]).concat([
  ["create_snapshot", { snapshot: "before" }],
  ["rollback_snapshot", { snapshot: "before" }],
  ["delete_snapshot", { snapshot: "before" }],
  ["container_exec_command", { command: "true" }],
  ["download_file_from_container", { container_path: "/x", local_path: "x" }],
  ["upload_file_to_container", { container_path: "/x", local_path: "here" }],
]);

const statusOf = async (node: Node, ctid: number) =>
  (await node.call("proxmox_container_status", { ctid })).data.status;

bothTest("proxmox_list_containers returns names, locks and an empty list", {}, async (node) => {
  const empty = await node.call("proxmox_list_containers");
  assert.deepEqual([empty.data, empty.text], [{ containers: [] }, "No containers found"]);
  for (const ct of [WEB, IDLE, LOCKED]) await node.pve.addContainer(ct);
  const { text, data } = await node.call("proxmox_list_containers");
  assert.deepEqual(data, {
    containers: [
      { ctid: 101, status: "running", name: "web", addresses: ["192.0.2.101"] },
      { ctid: 102, status: "stopped", name: "CT102" },
      { ctid: 1103, status: "stopped", name: "backup-me", lock: "backup" },
    ],
  });
  assert.equal(
    text,
    "CTID | Status  | Name\n" + `${"-".repeat(50)}\n` +
      " 101 | running | web (192.0.2.101)\n 102 | stopped | CT102\n1103 | stopped | backup-me (locked: backup)",
  );
  const json = await node.call("proxmox_list_containers", { response_format: "json" });
  assert.deepEqual(JSON.parse(json.text), data);
});

nodeTest("proxmox_list_containers runs one command for 200 containers", {
  limits: { characterLimit: 100 },
}, async (node) => {
  const state = (id: number) =>
    JSON.stringify({ id, kind: "lxc", node: "pve", status: "stopped", config: {}, snapshots: [] });
  for (let id = 1000; id < 1200; id++) {
    const directory = `${node.pve.stateDirectory}/guests/${id}`;
    await Deno.mkdir(directory);
    await Deno.writeTextFile(`${directory}/state.json`, state(id));
  }
  await node.call("ssh_exec_command", { command: "true" });
  const before = node.commandCount();
  const { data } = await node.call("proxmox_list_containers");
  assert.equal(data.containers.length, 200);
  assert.equal(node.commandCount() - before, 1);
  assert.deepEqual(await node.newCalls(), ["pct list"]);
});

bothTest(
  "proxmox_container_status returns the state",
  { containers: [WEB, IDLE] },
  async (node) => {
    const { text, data } = await node.call("proxmox_container_status", { ctid: 101 });
    assert.deepEqual([text, data], [
      "Container 101 is running (192.0.2.101)",
      { status: "running", addresses: ["192.0.2.101"] },
    ]);
    assert.equal(await statusOf(node, 102), "stopped");
  },
);

bothTest("proxmox_start_container and the others change the state and read it back", {
  containers: [WEB, IDLE],
}, async (node) => {
  const start = await node.call("proxmox_start_container", { ctid: 102 });
  assert.deepEqual(start.data, {
    success: true,
    message: "Container 102 started successfully",
    ctid: 102,
  });
  const again = failure(await node.call("proxmox_start_container", { ctid: 102 }));
  assert.deepEqual(again, ["invalid_state", "Container 102 is already running"]);
  const stop = await node.call("proxmox_stop_container", { ctid: 102 });
  assert.equal(stop.data.message, "Container 102 stopped successfully");
  assert.equal(await statusOf(node, 102), "stopped");
  for (const tool of ["stop", "shutdown", "reboot"]) {
    const answer = await node.call(`proxmox_${tool}_container`, { ctid: 102 });
    assert.deepEqual(failure(answer), ["invalid_state", "Container 102 is not running"]);
    const remedy = tool === "reboot" ? /^Start it first/ : /there is nothing to stop$/;
    assert.match(answer.data.suggestion, remedy);
  }
  const init = await node.pve.initPid(101);
  const reboot = await node.call("proxmox_reboot_container", { ctid: 101, timeout: 30 });
  assert.equal(reboot.data.success, true);
  assert.notEqual(await node.pve.initPid(101), init);
  const shutdown = await node.call("proxmox_shutdown_container", { ctid: 101 });
  assert.equal(shutdown.data.message, "Container 101 shut down successfully");
  assert.equal(await statusOf(node, 101), "stopped");
});

nodeTest("proxmox_shutdown_container kills after the timeout only with force_stop", {
  containers: [WEB],
}, async (node) => {
  await node.pve.setFault("shutdownHangs", [101]);
  const hung = await node.call("proxmox_shutdown_container", { ctid: 101, timeout: 7 });
  const [code, error] = failure(hung);
  assert.equal(code, "timeout");
  assert.match(error, /^Container 101 did not shut down in time/);
  assert.equal(await statusOf(node, 101), "running");
  const forced = await node.call("proxmox_shutdown_container", { ctid: 101, force_stop: true });
  assert.equal(forced.data.success, true);
  assert.equal(await statusOf(node, 101), "stopped");
  const calls = await node.newCalls();
  assert.ok(calls.includes("pct shutdown 101 --timeout 7"), calls.join("\n"));
});

nodeTest("proxmox_reboot_container fails if the reboot did not happen", {
  containers: [WEB],
}, async (node) => {
  await node.pve.setFault("rebootDoesNothing", [101]);
  const [code, error] = failure(await node.call("proxmox_reboot_container", { ctid: 101 }));
  assert.deepEqual([code, error], [
    "verification_failed",
    "Rebooting container 101 was reported as done, but container 101 is running as before",
  ]);
});

nodeTest("proxmox_start_container reports why it failed, and warnings", {
  containers: [IDLE, LOCKED, TEMPLATE],
}, async (node) => {
  const start = (ctid: number) => node.call("proxmox_start_container", { ctid });
  assert.deepEqual(failure(await start(1103)), ["locked", "Container 1103 is locked (backup)"]);
  assert.equal(failure(await start(104))[0], "invalid_state");
  const ofTemplate = await start(104);
  assert.match(failure(ofTemplate)[1], /is a template/);
  assert.match(ofTemplate.data.suggestion, /proxmox_clone_container/);
  await node.pve.setFault("startFails", [102]);
  const failed = await start(102);
  assert.match(failure(failed)[1], /startup for container '102' failed/);
  assert.match(failed.data.suggestion, /proxmox_task_log; proxmox_list_tasks shows the upid/);
  await node.pve.setFault("startFails", undefined);
  await node.pve.setFault("startWarns", [102]);
  const { data, text } = await start(102);
  assert.match(data.warnings[0], /^old systemd/);
  assert.match(text, /\[WARNING\] old systemd/);
});

nodeTest("proxmox_stop_container names a task that holds the container", {
  containers: [WEB],
}, async (node) => {
  await node.pve.setFault("lockWaitMs", 20);
  const release = await node.pve.holdLock(101);
  const [code, error] = failure(await node.call("proxmox_stop_container", { ctid: 101 }));
  assert.deepEqual([code, /^Another task is working on container 101/.test(error)], [
    "locked",
    true,
  ]);
  await release();
  assert.equal((await node.call("proxmox_stop_container", { ctid: 101 })).data.success, true);
});

bothTest("every tool for containers reports a missing one as not found", {
  containers: [WEB],
}, async (node) => {
  await Deno.writeTextFile(`${node.dir}/here`, "x");
  for (const [tool, args] of ALL_TOOLS) {
    const answer = await node.call(`proxmox_${tool}`, { ctid: 999, ...args });
    assert.deepEqual(failure(answer), ["not_found", "Container 999 not found"], tool);
    const suggestion = "Use proxmox_list_containers to see available containers";
    assert.equal(answer.data.suggestion, suggestion);
    assert.ok(answer.text.includes(suggestion));
  }
});

nodeTest("every tool for containers reports another node, and a VM", {
  containers: [WEB, FAR],
  vms: [{ vmid: 200, status: "running" }],
}, async (node) => {
  await Deno.writeTextFile(`${node.dir}/here`, "x");
  for (const [tool, args] of ALL_TOOLS) {
    const [code, error] = failure(await node.call(`proxmox_${tool}`, { ctid: 300, ...args }));
    assert.deepEqual([code, error.includes('cluster node "pve2"')], ["unsupported", true], tool);
    const vm = failure(await node.call(`proxmox_${tool}`, { ctid: 200, ...args }));
    assert.deepEqual(vm, ["invalid_argument", "200 is a virtual machine, not a container"], tool);
  }
});

nodeTest("proxmox tools report a user other than root, a cluster that is down and a lost quorum", {
  containers: [WEB, IDLE],
}, async (node) => {
  await node.pve.setFault("notRoot", true);
  const notRoot = await node.call("proxmox_list_containers");
  assert.deepEqual([failure(notRoot)[0], notRoot.data.suggestion], [
    "not_permitted",
    "Set SSH_USERNAME=root, or SUDO=true or SUDO_PASSWORD for a login that may use sudo",
  ]);
  await node.pve.setFault("notRoot", undefined);
  await node.pve.setFault("clusterDown", true);
  assert.equal(failure(await node.call("proxmox_list_containers"))[0], "unreachable");
  await node.pve.setFault("clusterDown", undefined);
  await node.pve.setFault("noQuorum", true);
  const [code, error] = failure(await node.call("proxmox_start_container", { ctid: 102 }));
  assert.deepEqual([code, error.includes("no quorum")], ["invalid_state", true]);
});

nodeTest("proxmox tools report a host without Proxmox VE", { hasPrograms: false }, async (node) => {
  assert.equal(failure(await node.call("proxmox_list_containers"))[0], "unsupported");
  const [, error] = failure(await node.call("proxmox_list_vms"));
  assert.match(error, /no program "qm"/);
});

nodeTest("proxmox_start_container waits until HA has carried it out", {
  containers: [{ ...IDLE, ha: true }],
  clock: new FakeClock({ skipUpToMs: Infinity }),
}, async (node) => {
  await node.pve.setFault("changesHold", true);
  let released: Promise<void> | undefined;
  const progress = ({ message }: { message?: string }) => {
    if (message !== "Starting container 102: waiting for HA") return;
    released ??= node.pve.setFault("changesHold", undefined);
  };
  const started = await node.call("proxmox_start_container", { ctid: 102 }, { progress });
  assert.deepEqual([started.data.success, started.data.by_ha], [true, true]);
  assert.ok(released);
  await released;
  assert.equal(await statusOf(node, 102), "running");
  await node.pve.setFault("haDelayMs", 300);
  for (const verb of ["stop", "start", "shutdown"]) {
    const { data } = await node.call(`proxmox_${verb}_container`, { ctid: 102 });
    assert.deepEqual([data.success, data.by_ha], [true, true], verb);
  }
  assert.equal(await statusOf(node, 102), "stopped");
});

nodeTest("proxmox_start_container fails if HA has not carried it out within the timeout", {
  containers: [{ ...IDLE, ha: true }],
  clock: new FakeClock({ skipUpToMs: Infinity }),
}, async (node) => {
  await node.pve.setFault("haDelayMs", 3_600_000);
  const answer = await node.call("proxmox_start_container", { ctid: 102, timeout: 3 });
  const [code, error] = failure(answer);
  assert.equal(code, "timeout");
  assert.match(
    error,
    /^Container 102 is managed by HA, .* within 3 seconds: .* container 102 is stopped$/,
  );
});

nodeTest("proxmox_container_config returns the decoded options", {
  containers: [{
    ...WEB,
    config: { description: "first\nsécond", tags: "a;b", "lxc.apparmor.profile": "unconfined" },
  }],
}, async (node) => {
  const { data, text } = await node.call("proxmox_container_config", { ctid: 101 });
  assert.equal(data.config.description, "first\nsécond");
  assert.deepEqual([data.config.hostname, data.config.memory, data.config.tags], [
    "web",
    "512",
    "a;b",
  ]);
  assert.deepEqual(data.raw, ["lxc.apparmor.profile: unconfined"]);
  assert.match(text, /^hostname: web$/m);
});

nodeTest("proxmox tools stop their command on the host when they are cancelled", {
  containers: [WEB],
}, async (node) => {
  const release = await node.pve.holdLock(101);
  const controller = new AbortController();
  const answer = await node.call("proxmox_stop_container", { ctid: 101 }, {
    signal: controller.signal,
    progress: () => controller.abort(),
  });
  assert.equal(failure(answer)[0], "cancelled");
  await release();
  assert.equal(await statusOf(node, 101), "running");
});

nodeTest("proxmox tools refuse IDs that no container can have", {}, async (node) => {
  for (const ctid of [99, 1_000_000_000, 101.5, "99", "101x", undefined]) {
    const answer = await node.call("proxmox_container_status", { ctid });
    assert.equal(failure(answer)[0], "invalid_argument");
  }
  assert.deepEqual(await node.newCalls(), []);
});
