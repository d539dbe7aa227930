import assert from "node:assert/strict";
import { until } from "../../support/until.ts";
import { bothTest, failure, nodeTest } from "../node.ts";

const WEB = { ctid: 101, hostname: "web", status: "running" } as const;
const IDLE = { ctid: 102, status: "stopped" } as const;
const LOCKED = { ctid: 103, status: "stopped", lock: "backup" } as const;
const APP = { vmid: 200, name: "app", status: "stopped" } as const;
const GIB = 1024 ** 3;

bothTest("proxmox_resize_container and proxmox_resize_vm return the sizes as read back", {
  containers: [WEB],
  vms: [APP],
}, async ({ call }) => {
  const grown = await call("proxmox_resize_container", { ctid: 101, disk: "rootfs", size: "+2G" });
  assert.deepEqual(grown.data, {
    success: true,
    message: "Container 101: rootfs enlarged",
    ctid: 101,
    before_bytes: 8 * GIB,
    after_bytes: 10 * GIB,
  });
  assert.equal(grown.text, "[SUCCESS] Container 101: rootfs enlarged: 8.0 GiB -> 10.0 GiB");
  const vm = await call("proxmox_resize_vm", { vmid: 200, disk: "scsi0", size: "40G" });
  assert.deepEqual([vm.data.vmid, vm.data.after_bytes], [200, 40 * GIB]);
});

nodeTest("a disk never becomes smaller, and a failure that exits with 0 is one", {
  containers: [WEB, LOCKED],
  vms: [APP],
}, async ({ call, pve, newCalls }) => {
  const resize = (size: string, disk = "rootfs", ctid = 101) =>
    call("proxmox_resize_container", { ctid, disk, size });
  for (const size of ["5", "5X", "-1G", "+G"]) {
    assert.equal(failure(await resize(size))[0], "invalid_argument", size);
  }
  assert.deepEqual(await newCalls(), []);
  for (const size of ["8G", "1G", "8192M", "+0G"]) {
    assert.deepEqual(failure(await resize(size)), [
      "invalid_argument",
      "A disk can only become larger: rootfs already has 8.0 GiB",
    ]);
  }
  const vm = { vmid: 200, disk: "scsi0", size: "32G" };
  assert.equal(failure(await call("proxmox_resize_vm", vm))[0], "invalid_argument");
  assert.ok((await newCalls()).every((line) => !line.includes("resize")));
  assert.deepEqual(failure(await resize("+1G", "mp3")), [
    "not_found",
    "Container 101 has no disk mp3",
  ]);
  assert.equal(failure(await resize("+1G", "rootfs", 999))[0], "not_found");
  assert.equal(failure(await resize("+1G", "rootfs", 103))[0], "locked");
  await pve.setFault("resizeFails", true);
  for (
    const answer of [
      await resize("+1G"),
      await call("proxmox_resize_vm", { ...vm, size: "+1G" }),
    ]
  ) {
    const [code, error] = failure(answer);
    assert.equal(code, "disk_full");
    assert.match(answer.data.suggestion, /^Free space there, then try again; /);
    assert.match(
      error,
      /full: Insufficient free space: 256 .*lvextend .* failed: exit code 5; the configuration of (container 101|VM 200) is unchanged$/,
    );
  }
  await pve.setFault("resizeFails", undefined);
  await pve.setFault("fileSystemStays", true);
  const { data, text } = await resize("+1G");
  assert.equal(data.after_bytes, 9 * GIB);
  assert.match(
    data.warnings[0],
    /^Failed to update the container's filesystem: .*; the file system still has its old size$/,
  );
  assert.match(text, /\[WARNING\] Failed to update/);
});

bothTest("the tools convert a stopped guest to a template, once", {
  containers: [WEB, IDLE],
  vms: [APP],
}, async ({ call }) => {
  const convert = (ctid: number) => call("proxmox_convert_container_to_template", { ctid });
  assert.deepEqual(failure(await convert(101)), ["invalid_state", "Container 101 is running"]);
  assert.deepEqual((await convert(102)).data, {
    success: true,
    message: "Container 102 is a template now",
    ctid: 102,
    disks: ["rootfs"],
    unchanged: [],
  });
  assert.deepEqual(failure(await convert(102)), [
    "invalid_state",
    "Container 102 is already a template",
  ]);
  assert.equal(failure(await call("proxmox_start_container", { ctid: 102 }))[0], "invalid_state");
  const vm = (await call("proxmox_convert_vm_to_template", { vmid: 200 })).data;
  assert.deepEqual([vm.message, vm.disks], ["VM 200 is a template now", ["scsi0"]]);
});

nodeTest("a conversion that did not happen is a failure, whatever the exit code is", {
  containers: [IDLE, LOCKED],
  vms: [APP],
}, async ({ call, pve }) => {
  await call("proxmox_create_snapshot", { ctid: 102, snapshot: "one" });
  const convert = (ctid: number) => call("proxmox_convert_container_to_template", { ctid });
  assert.deepEqual(failure(await convert(102)), [
    "invalid_state",
    "Container 102 has snapshots: a template cannot have any",
  ]);
  await call("proxmox_delete_snapshot", { ctid: 102, snapshot: "one" });
  assert.equal(failure(await convert(103))[0], "locked");
  assert.equal(failure(await convert(999))[0], "not_found");
  await pve.setFault("noTemplates", true);
  const [code, error] = failure(await convert(102));
  assert.equal(code, "verification_failed");
  assert.match(error, /Template feature is not available/);
  // `qm` marks the VM first, and leaves out the disks that cannot be converted.
  const { data, text } = await call("proxmox_convert_vm_to_template", { vmid: 200 });
  assert.deepEqual(data.unchanged, ["scsi0"]);
  assert.match(text, /\[WARNING\] Linked clones cannot use scsi0/);
});

nodeTest("a long resize goes on as a job", {
  containers: [WEB],
  answerWithinMs: 200,
  link: "openssh",
}, async ({ call, pve }) => {
  await pve.setFault("taskHolds", 0);
  const args = { ctid: 101, disk: "rootfs", size: "+1G" };
  const { data, text } = await call("proxmox_resize_container", args);
  assert.deepEqual([data.running, typeof data.job_id], [true, "string"]);
  assert.match(
    text,
    /Resizing rootfs of container 101 continues on the host as job .*proxmox_container_config/s,
  );
  await pve.setFault("taskHolds", undefined);
  await until("the disk is larger", async () => {
    const { config } = (await call("proxmox_container_config", { ctid: 101 })).data;
    return config.rootfs.includes("size=9G");
  });
  await until("the job has ended", async () => {
    const job = await call("ssh_job_output", { job_id: data.job_id });
    return job.data.running === false;
  });
});

for (const version of [7, 8] as const) {
  nodeTest(`a disk that cannot grow is a failure, and one that can grows (Proxmox VE ${version})`, {
    version,
    containers: [WEB],
    vms: [APP],
  }, async ({ call, pve }) => {
    const vm = { vmid: 200, disk: "scsi0", size: "+1G" };
    const container = { ctid: 101, disk: "rootfs", size: "+1G" };
    await pve.setFault("resizeFails", true);
    // Before 8.0 `qm resize` has a true exit code.
    const [code, error] = failure(await call("proxmox_resize_vm", vm));
    assert.equal(code, "disk_full");
    assert.match(error, /lvextend .* failed: exit code 5/);
    assert.equal(/is unchanged$/.test(error), version !== 7);
    assert.equal(failure(await call("proxmox_resize_container", container))[0], "disk_full");
    await pve.setFault("resizeFails", undefined);
    assert.equal((await call("proxmox_resize_vm", vm)).data.after_bytes, 33 * GIB);
    assert.equal((await call("proxmox_resize_container", container)).data.after_bytes, 9 * GIB);
  });
}
