import assert from "node:assert/strict";
import { FakeClock } from "../../support/fake_clock.ts";
import { until } from "../../support/until.ts";
import { failure, type Node, nodeTest, processesLike } from "../node.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4kF7u0b7kq me@home";
/** What a shell would read otherwise. */
const HOSTILE = 'it\'s "$(id)" `id` \\ --start 1; grüße €';
const WEB = { hostname: "web", ip: "10.0.0.5/24", gateway: "10.0.0.1" } as const;

async function create(node: Node, args: Record<string, unknown> = {}) {
  const template = await node.pve.addTemplate();
  return await node.call("proxmox_create_container", { template, ...WEB, ...args });
}

for (const version of [7, 9] as const) {
  nodeTest(`a container is created, started and read back (Proxmox VE ${version})`, {
    version,
  }, async (node) => {
    const { data, text, isError } = await create(node, {
      ...{ ssh_keys: KEY, password: "hunter22", storage: "local-lvm", vlan: 20 },
      options: {
        ...{ onboot: "1", tags: "b;a", description: HOSTILE },
        ...{ swap: "256", nameserver: "9.9.9.9", mp0: "local-lvm:4,mp=/data" },
      },
    });
    assert.equal(isError, false, text);
    assert.deepEqual([data.ctid, data.status, data.addresses], [100, "running", ["10.0.0.5"]]);
    const { hostname, rootfs, unprivileged, tags, features, net0, memory, onboot } = data.config;
    assert.deepEqual([hostname, rootfs, unprivileged, tags, features, memory, onboot], [
      ...["web", "local-lvm:vm-100-disk-0,size=8G", "1", "a;b", "nesting=1", "2048", "1"],
    ]);
    assert.equal(data.config.description, HOSTILE);
    const { swap, nameserver, mp0 } = data.config;
    assert.deepEqual([swap, nameserver, mp0], [
      ...["256", "9.9.9.9", "local-lvm:vm-100-disk-1,mp=/data,size=4G"],
    ]);
    assert.match(net0, /^name=eth0,bridge=vmbr0,.*gw=10\.0\.0\.1,.*ip=10\.0\.0\.5\/24,tag=20/);
    const state = await node.pve.state(100);
    assert.match(state?.passwordHash ?? "", /^[0-9a-f]{64}$/);
    const keys = await Deno.readTextFile(`${node.pve.rootfs(100)}/root/.ssh/authorized_keys`);
    assert.equal(keys, `${KEY}\n`);
    // No argument of a program on the host is the password.
    assert.doesNotMatch((await node.newCalls()).join("\n"), /hunter22/);
    // Other tests may have one at this moment.
    await until(
      "the password's file is gone",
      () =>
        [...Deno.readDirSync("/run")].every(({ name }) =>
          !name.startsWith(".mcp-remote-exec-secret-")
        ),
    );
  });
}

nodeTest("a new guest that may be unreachable is told so", {}, async (node) => {
  const of = async (args: Record<string, unknown>): Promise<string[]> =>
    (await create(node, { start: false, ...args })).data.warnings ?? [];
  assert.deepEqual(await of({}), [
    "Neither password nor ssh_keys was given: unless the template brings its own, nobody can log in " +
    "(proxmox_container_exec_command works)",
    "10.0.0.5/24 is outside the network of the node on vmbr0 (192.0.2.10/24): check that it is meant",
  ]);
  assert.deepEqual(await of({ ip: "192.0.2.5/24", ssh_keys: KEY }), [
    "The gateway 10.0.0.1 is outside the network of 192.0.2.5/24",
  ]);
  assert.deepEqual(await of({ vlan: 20, password: "hunter22" }), []);
  const image = await node.pve.addImage("noble.img");
  const vm = await node.call("proxmox_create_vm", { name: "app", image, start: false });
  assert.deepEqual(vm.data.warnings, [
    "No ssh_keys were given: unless the image brings a login of its own, nobody can log in",
  ]);
});

nodeTest("a guest that gets no address in time is created, with a warning", {
  clock: new FakeClock({ skipUpToMs: Infinity }),
}, async (node) => {
  await node.pve.setFault("noLease", true);
  const { data, text } = await create(node, { ip: "dhcp", gateway: undefined, ssh_keys: KEY });
  assert.deepEqual([data.success, data.status, data.addresses], [true, "running", []], text);
  assert.match(data.warnings.join(), /^It has no IP address yet: proxmox_list_containers shows it/);
});

nodeTest("two containers created at once get two IDs", {}, async (node) => {
  await node.pve.addTemplate();
  const made = await Promise.all(
    [1, 2].map((n) => create(node, { hostname: `web${n}`, start: false })),
  );
  assert.deepEqual(made.map(({ isError }) => isError), [false, false], JSON.stringify(made));
  assert.deepEqual(made.map(({ data }) => data.ctid).toSorted(), [100, 101]);
});

nodeTest("an ID that nextid offers too late is replaced; one that was asked for is not", {
  containers: [{ ctid: 100, status: "stopped", node: "pve2" }],
}, async (node) => {
  assert.deepEqual(failure(await create(node, { ctid: 100 })), [
    "already_exists",
    "The ID 100 is taken by another guest",
  ]);
  const { data, isError } = await create(node, { start: false });
  assert.deepEqual([isError, data.ctid, data.status], [false, 101, "stopped"]);
});

nodeTest(
  "proxmox_create_container names the reason of a failure and what is left",
  {},
  async (node) => {
    const of = async (args: Record<string, unknown>) => failure(await create(node, args));
    const template = "local:vztmpl/nosuch.tar.zst";
    assert.deepEqual(await of({ template }), [
      "not_found",
      `Creating container 100 failed: volume '${template}' does not exist; nothing was left behind`,
    ]);
    assert.equal((await of({ storage: "local" }))[0], "invalid_argument");
    assert.match((await of({ storage: "nosuch" }))[1], /storage 'nosuch' does not exist/);
    assert.equal((await of({ hostname: "web_1" }))[0], "invalid_argument");
    assert.equal((await of({ ip: "10.0.0.5" }))[0], "invalid_argument");
    assert.equal((await of({ options: { start: "1" } }))[0], "invalid_argument");
    assert.match(
      (await of({ options: { net0: "bridge=vmbr0" } }))[1],
      /net0\.name: property is missing/,
    );
    await node.pve.setFault("storageFull", ["local-lvm"]);
    const [code, error] = await of({});
    assert.equal(code, "disk_full");
    assert.match(error, /No space left on device; nothing was left behind$/);
    await node.pve.setFault("storageFull", undefined);
    await node.pve.setFault("noQuorum", true);
    assert.deepEqual(await of({}), [
      "invalid_state",
      "The cluster has no quorum: it allows no changes",
    ]);
    assert.deepEqual([await node.pve.state(100), await node.pve.disks()], [undefined, []]);
  },
);

nodeTest(
  "a container that was created and does not start is reported with both",
  {},
  async (node) => {
    const answer = await create(node, { bridge: "vmbr9" });
    assert.deepEqual(failure(answer), [
      "not_found",
      "Creating container 100 is done, but container 100 did not start: " +
      'The bridge "vmbr9" of container 100 does not exist on the node',
    ]);
    assert.equal((await node.pve.state(100))?.lock, undefined);
  },
);

for (const version of [7, 9] as const) {
  nodeTest(
    `a VM is created from a cloud image (Proxmox VE ${version})`,
    { version },
    async (node) => {
      const image = await node.pve.addImage("noble.img", "3584M");
      const { data, text, isError } = await node.call("proxmox_create_vm", {
        ...{ name: "app", image, ip: "10.0.0.6/24", gateway: "10.0.0.1", disk: 20 },
        ...{ ci_user: "admin", ssh_keys: KEY },
      });
      assert.equal(isError, false, text);
      const { scsi0, ide2, ipconfig0, ciuser, sshkeys, boot } = data.config;
      assert.deepEqual([data.vmid, data.status, data.addresses], [100, "running", ["10.0.0.6"]]);
      assert.deepEqual([scsi0, ide2, ipconfig0, ciuser, boot], [
        "local-lvm:vm-100-disk-0,size=20G",
        "local-lvm:vm-100-cloudinit,media=cdrom",
        "ip=10.0.0.6/24,gw=10.0.0.1",
        "admin",
        "order=scsi0",
      ]);
      assert.equal(decodeURIComponent(sshkeys).trim(), KEY);
    },
  );
}

nodeTest("a VM is created from an ISO image, whose absence is named", {}, async (node) => {
  const iso = await node.pve.addImage("debian.iso");
  const call = (args: Record<string, unknown>) =>
    node.call("proxmox_create_vm", { name: "app", start: false, ...args });
  const { data, text, isError } = await call({ iso });
  assert.equal(isError, false, text);
  assert.deepEqual([data.config.ide2, data.config.scsi0, data.config.boot], [
    `${iso},media=cdrom`,
    "local-lvm:vm-100-disk-0,size=32G",
    "order=scsi0;ide2",
  ]);
  const [code, error] = failure(await call({ iso: "local:iso/nosuch.iso" }));
  assert.equal(code, "not_found");
  assert.match(error, /^Creating VM 101 failed: volume 'local:iso\/nosuch.iso' does not exist/);
  assert.equal(failure(await call({ image: "/no such/file" }))[0], "invalid_argument");
  assert.equal(failure(await call({ image: "/nosuch.qcow2" }))[0], "not_found");
  const image = await node.pve.addImage("big.img", "40G");
  const big = await call({ image, disk: 20 });
  assert.match(big.data.warnings[0], /^Its disk has 40G instead of 20G/);
});

nodeTest("what a killed task leaves is named with the way to remove it", {}, async (node) => {
  await node.pve.addTemplate();
  await node.pve.setFault("taskHolds", 0);
  const call = create(node, { start: false });
  await until("the disk is made", () => node.pve.hasRootDisk(100));
  const task = new RegExp(`${node.pve.stateDirectory}/pve\\.cjs pct create `);
  const [pid] = Array.from(Deno.readDirSync("/proc"), ({ name }) => name)
    .filter((name) => /^\d+$/.test(name) && task.test(commandLine(name)));
  assert.ok(pid !== undefined, "the task runs");
  Deno.kill(Number(pid), "SIGKILL");
  const answer = await call;
  const [code, error] = failure(answer);
  assert.equal(code, "io_error");
  // The words for the signal are the shell's.
  assert.match(
    error,
    /^Creating container 100 failed: .*; left behind: its configuration with the lock create, local-lvm:vm-100-disk-0$/,
  );
  assert.match(
    answer.data.suggestion,
    /First remove container 100: `pct unlock 100` on the host, then proxmox_destroy_container$/,
  );
  // The worker has lost its reader, and dies of its next line.
  await node.pve.setFault("taskHolds", undefined);
  const worker = new RegExp(`${node.pve.stateDirectory}/pve\\.cjs internal worker `);
  await until("the end of the worker", () => processesLike(worker).length === 0);
  const { data } = await node.call("proxmox_list_containers");
  assert.deepEqual(data.containers, [{
    ctid: 100,
    status: "stopped",
    name: "web",
    lock: "create",
  }]);
  await node.call("ssh_exec_command", { command: "pct unlock 100" });
  const gone = await node.call("proxmox_destroy_container", { ctid: 100, confirm_name: "web" });
  assert.deepEqual([gone.isError, await node.pve.disks()], [false, []], gone.text);
});

function commandLine(pid: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
  } catch {
    return ""; // ended meanwhile
  }
}
