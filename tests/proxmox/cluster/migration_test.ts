import assert from "node:assert/strict";
import { parseMigrationFailure } from "../../../src/proxmox/parsers/migrate.ts";
import { installProxmox } from "../../fakes/proxmox/install.ts";
import { startDelayProxy } from "../../peers/delay_proxy.ts";
import { connectTo } from "../../peers/openssh.ts";
import { CONTAINERS, peerTest, SSHD } from "../../peers/require.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { pure } from "../../support/pure.ts";
import { until } from "../../support/until.ts";
import {
  bothTest,
  failure,
  type Node,
  nodeTest,
  startSshdFor,
  untilStartsAreKnown,
} from "../node.ts";

const WEB = { ctid: 101, hostname: "web", status: "running" } as const;
const IDLE = { ctid: 102, status: "stopped" } as const;
const APP = { vmid: 200, name: "app", status: "running" } as const;
const LOCKED = { ctid: 103, status: "stopped", lock: "backup" } as const;
const FAR = { ctid: 300, hostname: "far", status: "running", node: "pve2" } as const;

const nodeOf = async ({ call }: Node, id: number) => {
  const { data } = await call("proxmox_resource_usage");
  return [...data.containers, ...data.vms].find(({ ctid, vmid }) => (ctid ?? vmid) === id)?.node;
};

pure("parseMigrationFailure() finds the reason in the log", () => {
  const stamp = "2026-11-28 14:00:00 ";
  const failed = (text: string) => parseMigrationFailure(`${stamp}starting\n${stamp}${text}\n`);
  assert.equal(
    failed("ERROR: migration aborted (duration 00:00:01): CT is locked (migrate)"),
    "CT is locked (migrate)",
  );
  assert.equal(
    failed(`startup failed\n${stamp}ERROR: migration finished with problems (duration 00:00:03)`),
    "startup failed",
  );
  assert.equal(failed("migration finished successfully (duration 00:00:03)"), undefined);
});

bothTest("proxmox_migrate_container and proxmox_migrate_vm say where the guest is", {
  containers: [WEB, IDLE, FAR],
  vms: [APP],
}, async (node) => {
  const idle = await node.call("proxmox_migrate_container", { ctid: 102, target: "pve2" });
  assert.deepEqual(idle.data, {
    success: true,
    message: "Container 102 migrated from pve to pve2",
    ctid: 102,
    node: "pve2",
  });
  const args = { ctid: 101, target: "pve2", restart: true, storage: "local-lvm" };
  assert.equal((await node.call("proxmox_migrate_container", args)).data.node, "pve2");
  const online = { vmid: 200, target: "pve2", online: true };
  assert.equal((await node.call("proxmox_migrate_vm", online)).data.node, "pve2");
  const calls = (await node.newCalls()).filter((line) => line.includes("migrate"));
  assert.deepEqual(calls, [
    "pct migrate 102 pve2",
    "pct migrate 101 pve2 --restart 1 --target-storage local-lvm",
    "qm migrate 200 pve2 --online 1 --with-local-disks 1",
  ]);
  assert.deepEqual([await nodeOf(node, 101), await nodeOf(node, 200)], ["pve2", "pve2"]);
  const gone = failure(await node.call("proxmox_container_status", { ctid: 101 }));
  assert.match(gone[1], /on the cluster node "pve2"/);
});

nodeTest("a migration is refused before it begins, or says where the guest is", {
  containers: [WEB, LOCKED, FAR],
  vms: [APP],
}, async (node) => {
  const { call, pve, newCalls } = node;
  const move = (ctid: number, target: string, more = {}) =>
    call("proxmox_migrate_container", { ctid, target, ...more });
  for (const odd of ["-x", "a b", "pve2;id", ""]) {
    assert.equal(failure(await move(101, odd))[0], "invalid_argument", odd);
  }
  assert.deepEqual(await newCalls(), []);
  assert.deepEqual(failure(await move(101, "pve")), [
    "invalid_state",
    'Container 101 is already on the node "pve"',
  ]);
  assert.deepEqual(failure(await move(101, "nosuch")), [
    "not_found",
    'The cluster has no node "nosuch"',
  ]);
  assert.equal(failure(await move(999, "pve2"))[0], "not_found");
  assert.equal(failure(await move(200, "pve2"))[0], "invalid_argument");
  assert.equal(failure(await move(300, "pve"))[0], "unsupported");
  assert.deepEqual((await newCalls()).filter((line) => line.includes("migrate")), []);
  assert.deepEqual(failure(await move(101, "pve2")), ["invalid_state", "Container 101 is running"]);
  const vm = { vmid: 200, target: "pve2" };
  assert.equal(failure(await call("proxmox_migrate_vm", vm))[0], "invalid_state");
  assert.deepEqual(failure(await move(103, "pve2")), [
    "locked",
    "Migrating container 103 to pve2 failed: CT is locked (backup); container 103 is on pve and " +
    "locked (backup)",
  ]);
  await pve.setFault("migrateFails", true);
  assert.deepEqual(failure(await move(101, "pve2", { restart: true })), [
    "io_error",
    "Migrating container 101 to pve2 failed: storage 'local-lvm' is not available on node 'pve2'; " +
    "container 101 is on pve",
  ]);
  await pve.setFault("migrateFails", undefined);
  await pve.setFault("noQuorum", true);
  assert.match(failure(await move(101, "pve2", { restart: true }))[1], /no quorum/);
  await pve.setFault("noQuorum", undefined);
  await pve.setFault("offlineNodes", ["pve2"]);
  assert.deepEqual(failure(await move(101, "pve2", { restart: true })), [
    "invalid_state",
    'The node "pve2" is offline',
  ]);
  await pve.setFault("offlineNodes", undefined);
  await pve.setFault("notRoot", true);
  assert.equal(failure(await move(101, "pve2"))[0], "not_permitted");
  await pve.setFault("notRoot", undefined);
  await pve.setFault("startFails", true);
  assert.match(
    failure(await move(101, "pve2", { restart: true }))[1],
    /startup for container '101' failed; container 101 is on pve2$/,
  );
});

nodeTest("a node that goes offline during the check is named with the reason", {
  containers: [WEB, FAR],
}, async ({ call, pve }) => {
  const node = { type: "node", status: "online" };
  await pve.setFault("pveshAnswers", {
    "/cluster/resources": JSON.stringify([
      { ...node, node: "pve" },
      { ...node, node: "pve2" },
      { id: "lxc/101", type: "lxc", vmid: 101, node: "pve", status: "running" },
    ]),
  });
  await pve.setFault("offlineNodes", ["pve2"]);
  const args = { ctid: 101, target: "pve2", restart: true };
  assert.match(
    failure(await call("proxmox_migrate_container", args))[1],
    /failed: Can't connect to destination address using public key; container 101 is on pve$/,
  );
  await pve.setFault("offlineNodes", undefined);
  // Exit 0, and the cluster still has it here.
  const [code, error] = failure(await call("proxmox_migrate_container", args));
  assert.equal(code, "verification_failed");
  assert.match(error, /was reported as done, but container 101 is on pve$/);
});

const clock = new FakeClock();

nodeTest("a migration waits until HA has carried it out", {
  containers: [{ ...IDLE, ha: true }, FAR],
  clock,
}, async (node) => {
  await node.pve.setFault("haDelayMs", 60_000);
  const args = { ctid: 102, target: "pve2", timeout: 5 };
  let ended = false;
  const answer = node.call("proxmox_migrate_container", args).finally(() => ended = true);
  await until("the answer", () => {
    clock.advance(1_000);
    return ended;
  });
  const [code, error] = failure(await answer);
  assert.equal(code, "timeout");
  assert.match(
    error,
    /managed by HA.*Migrating container 102 to pve2 is still pending, and container 102 is on pve$/,
  );
});

bothTest("a cancelled migration has cleaned up when the answer says that it was stopped", {
  containers: [IDLE, FAR],
}, async (node) => {
  await node.pve.setFault("taskHolds", 0);
  const controller = new AbortController();
  const args = { ctid: 102, target: "pve2" };
  const answer = node.call("proxmox_migrate_container", args, { signal: controller.signal });
  const lockOf = () =>
    JSON.parse(Deno.readTextFileSync(`${node.pve.stateDirectory}/guests/102/state.json`)).lock;
  await until("it is under way", () => lockOf() === "migrate");
  await untilStartsAreKnown(node);
  controller.abort();
  assert.deepEqual(failure(await answer), [
    "cancelled",
    "Migrating container 102 to pve2 was cancelled; it was stopped on the host",
  ]);
  assert.equal(lockOf(), undefined);
  assert.equal(await nodeOf(node, 102), "pve");
});

nodeTest("a long migration goes on as a job, and the cluster says where the guest is", {
  containers: [IDLE, FAR],
  answerWithinMs: 200,
  link: "openssh",
}, async (node) => {
  await node.pve.setFault("taskHolds", 0);
  const args = { ctid: 102, target: "pve2" };
  const { data, text } = await node.call("proxmox_migrate_container", args);
  assert.equal(data.running, true);
  assert.match(text, /Migrating container 102 to pve2 continues on the host as job/);
  await node.pve.setFault("taskHolds", undefined);
  await until("it has moved", async () => await nodeOf(node, 102) === "pve2");
  await until("the job has ended", async () => {
    const job = await node.call("ssh_job_output", { job_id: data.job_id });
    return job.data.running === false;
  });
});

for (const way of ["SIGKILL", "a cut link"] as const) {
  peerTest({
    name: `a migration that is interrupted by ${way} leaves the guest unlocked where it was`,
    peer: [SSHD, ...CONTAINERS],
    async fn() {
      const pve = await installProxmox();
      try {
        await pve.addContainer(IDLE);
        await pve.setFault("moreNodes", ["pve2"]);
        await pve.setFault("taskHolds", 0);
        await using sshd = await startSshdFor(pve);
        await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 0 });
        using dir = temporaryDirectory();
        await using server = await connectTo(sshd, dir.path, {
          ENABLE_PROXMOX: "true",
          SSH_PORT: String(proxy.port),
          SSH_STRICT_HOST_KEY_CHECKING: "false",
        });
        const answer = server.call("proxmox_migrate_container", { ctid: 102, target: "pve2" });
        answer.catch(() => {}); // the server may not live to answer
        const stateOf = () =>
          JSON.parse(Deno.readTextFileSync(`${pve.stateDirectory}/guests/102/state.json`));
        await until("the migration is under way", () => stateOf().lock === "migrate");
        if (way === "SIGKILL") server.server.kill(way);
        else proxy.cut();
        await until("the container is not locked", () => stateOf().lock === undefined);
        assert.equal(stateOf().node, "pve");
        if (way === "SIGKILL") return;
        const { data } = await answer;
        assert.equal(data.code, "connection_lost");
        assert.match(
          String(data.error),
          /^Migrating container 102 to pve2 has an unknown result: /,
        );
      } finally {
        await pve.close();
      }
    },
  });
}
