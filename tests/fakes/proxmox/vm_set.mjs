/**
 * `qm set`. Source: qemu-server e6352be src/PVE/API2/Qemu.pm `update_vm_api`; by default network devices are
 * hot-plugged, cores and memory are not.
 */
import { badParameter, BOOL, err, fail, integer, out, TEXT, VMID } from "./cli.mjs";
import { withLock } from "./lock.mjs";
import { joinedTags, TAGS, VM_NETS, vmNetStored } from "./properties.mjs";
import { fault, faultFor, findGuest, isRunning, missingText, saveGuest } from "./state.mjs";
import { unwritable } from "./set.mjs";
import { checkUnlocked } from "./task.mjs";

export const VM_SET = {
  args: { vmid: VMID },
  options: {
    balloon: integer(0),
    cores: integer(1),
    delete: TEXT,
    description: TEXT,
    memory: integer(16),
    name: { type: "string", format: "dnsname" },
    net0: VM_NETS,
    onboot: BOOL,
    protection: BOOL,
    sockets: integer(1),
    tags: TAGS,
  },
  run: set,
};

const AT_ONCE = /^(description|name|onboot|protection|tags|net\d+)$/;

async function set({ vmid, ...given }, spec) {
  const found = findGuest("qemu", vmid) ?? fail(missingText("qemu", vmid), 2);
  if (Object.keys(given).length === 0) fail("no options specified");
  await withLock(found, { say: err, code: 4 }, () => {
    const vm = findGuest("qemu", vmid);
    checkUnlocked(vm, "VM");
    if (fault("noQuorum")) fail(unwritable(vm));
    const words = Object.keys(given).sort().map((key) => `-${key} ${given[key]}`);
    out(`update VM ${vmid}: ${words.join(" ")}\n`);
    if (faultFor("setDoesNothing", vmid)) return;
    apply(vm, given, spec);
  });
}

/** Changes before the one that fails stay, and that one becomes pending. */
function apply(vm, { delete: remove = "", ...changes }, spec) {
  for (const key of remove.split(/[,;\s]+/).filter((word) => word !== "")) delete vm.config[key];
  const failing = fault("hotplugFails");
  for (const [key, value] of Object.entries(changes)) {
    const stored = /^net\d+$/.test(key)
      ? vmNetStored(value)
      : key === "tags"
      ? joinedTags(value)
      : value;
    const waits = isRunning(vm) && (!AT_ONCE.test(key) || key === failing);
    if (!waits) vm.config[key] = stored;
    else if (String(vm.config[key]) !== String(stored)) {
      vm.pending = { ...vm.pending, [key]: stored };
    }
  }
  saveGuest(vm);
  if (failing !== undefined && isRunning(vm) && Object.hasOwn(changes, failing)) {
    badParameter("qm", "set", spec, failing, `hotplug problem - VM ${vm.id} qmp command failed`);
  }
}
