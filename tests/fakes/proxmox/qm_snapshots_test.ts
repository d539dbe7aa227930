/** Snapshots of VMs on the stand-in, in the words of Proxmox VE 7.4, 8.4 and 9.2. */
import assert from "node:assert/strict";
import { until } from "../../support/until.ts";
import type { FakeProxmox, Version } from "./install.ts";
import { nodeTest, printed, refused, silent } from "./node_tests.ts";

const APP = { vmid: 200, name: "app", status: "running" } as const;
const DISK = "local-lvm:vm-200-disk-0";
const VERSIONS: readonly Version[] = [7, 8, 9];

/** What 9 adds where LVM makes a disk that is no snapshot. */
const changed = (version: Version, name: string): string =>
  version === 9 ? `  Logical volume pve/${name} changed.\n` : "";

const stateOf = (pve: FakeProxmox) =>
  JSON.parse(Deno.readTextFileSync(`${pve.stateDirectory}/guests/200/state.json`));

/** A command that stays half done, once it holds its lock. */
async function startHeld(pve: FakeProxmox, lock: string, ...args: string[]) {
  await pve.setFault("taskHolds", 0);
  const child = new Deno.Command(`${pve.binDirectory}/qm`, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await until("the task is under way", () => stateOf(pve).lock === lock);
  return child;
}

for (const version of VERSIONS) {
  // QS QemuConfig.pm:318-402, GC AbstractConfig.pm:825-1214
  nodeTest(`qm snapshot, rollback and delsnapshot say what they do (${version})`, {
    version,
  }, async (pve, sh) => {
    await pve.addVm(APP);
    assert.deepEqual(
      await sh("qm snapshot 200 one --description 'first' --vmstate 1"),
      printed(
        '  Logical volume "vm-200-state-one" created.\n' + changed(version, "vm-200-state-one") +
          "saving VM state and RAM using storage 'local-lvm'\n" +
          "completed saving the VM state in 1s, saved 554.55 MiB\n" +
          `snapshotting 'drive-scsi0' (${DISK})\n` +
          '  Logical volume "snap_vm-200-disk-0_one" created.\n',
      ),
    );
    assert.deepEqual(await pve.disks(), ["vm-200-disk-0", "vm-200-state-one"]);
    assert.deepEqual(
      await sh("qm snapshot 200 two"),
      printed(
        `snapshotting 'drive-scsi0' (${DISK})\n` +
          '  Logical volume "snap_vm-200-disk-0_two" created.\n',
      ),
    );
    const { stdout } = await sh("pvesh get /nodes/pve/qemu/200/snapshot --output-format json");
    assert.deepEqual(
      JSON.parse(stdout).map(({ name, parent, vmstate }: Record<string, unknown>) => [
        name,
        parent,
        vmstate,
      ]),
      [["current", "two", undefined], ["two", "one", 0], ["one", undefined, 1]],
    );
    const restored = '  Logical volume "vm-200-disk-0" successfully removed.\n' +
      '  Logical volume "vm-200-disk-0" created.\n' + changed(version, "vm-200-disk-0");
    assert.deepEqual(await sh("qm rollback 200 two"), printed(restored));
    assert.deepEqual(await sh("qm status 200"), printed("status: stopped\n"));
    assert.deepEqual(await sh("qm rollback 200 one"), printed(restored));
    assert.deepEqual(await sh("qm status 200"), printed("status: running\n"));
    assert.deepEqual(await sh("qm rollback 200 two --start 1"), printed(restored));
    assert.deepEqual(await sh("qm status 200"), printed("status: running\n"));
    assert.deepEqual(
      await sh("qm delsnapshot 200 one"),
      printed(
        '  Logical volume "snap_vm-200-disk-0_one" successfully removed.\n' +
          '  Logical volume "vm-200-state-one" successfully removed.\n',
      ),
    );
    assert.deepEqual(await pve.disks(), ["vm-200-disk-0"]);
    assert.deepEqual([stateOf(pve).parent, stateOf(pve).lock], ["two", undefined]);
  });

  // QS API2/Qemu.pm:6202-6220: since 8.3 the configuration is read before the task is forked.
  nodeTest(`qm snapshot refuses (${version})`, { version }, async (pve, sh) => {
    await pve.addVm({ ...APP, config: { "amd-sev": "type=std" } });
    const missing = "Configuration file 'nodes/pve/qemu-server/999.conf' does not exist\n";
    assert.deepEqual(
      await sh("qm snapshot 999 one"),
      refused(missing, version === 7 ? 255 : 2),
    );
    assert.deepEqual(await sh("qm delsnapshot 999 one"), refused(missing));
    assert.deepEqual(
      await sh("qm snapshot 200 Pending"),
      refused("unable to use snapshot name 'pending' (reserved name)\n"),
    );
    const { code, stderr } = await sh("qm snapshot 200 one --vmstate 1");
    assert.deepEqual(
      [code, stderr],
      version === 7 ? [0, ""] : [
        255,
        "Cannot live-migrate, snapshot (with RAM), or hibernate a VM with: amd-sev\n",
      ],
    );
    const missingSnapshot = refused("snapshot 'nope' does not exist\n");
    assert.deepEqual(await sh("qm rollback 200 nope"), missingSnapshot);
    assert.deepEqual(await sh("qm delsnapshot 200 nope"), missingSnapshot);
    assert.deepEqual(await sh("qm status 200"), printed("status: running\n"));
  });
}

// GC AbstractConfig.pm:868-873; the others clean up nothing
nodeTest("an interrupted qm snapshot cleans up, and the others leave their lock", [], async (
  pve,
  sh,
) => {
  await pve.addVm(APP);
  const snapshot = await startHeld(pve, "snapshot", "snapshot", "200", "one", "--vmstate", "1");
  assert.deepEqual(
    await sh("qm rollback 200 one"),
    refused("unable to rollback to incomplete snapshot (snapstate = prepare)\n"),
  );
  snapshot.kill("SIGTERM");
  const { code, stdout, stderr } = await snapshot.output();
  assert.equal(code, 255);
  assert.match(
    new TextDecoder().decode(stdout),
    /\n1\.51 MiB in 0s\nsnapshot create failed: starting cleanup\n/,
  );
  assert.equal(new TextDecoder().decode(stderr), "received interrupt\n");
  const { lock, snapshots } = stateOf(pve);
  assert.deepEqual([lock, snapshots, await pve.disks()], [undefined, [], ["vm-200-disk-0"]]);
  await pve.setFault("taskHolds", undefined);
  assert.equal((await sh("qm snapshot 200 one")).code, 0);
  for (
    const [verb, held] of [["rollback", "rollback"], ["delsnapshot", "snapshot-delete"]] as const
  ) {
    const child = await startHeld(pve, held, verb, "200", "one");
    assert.deepEqual(await sh("qm start 200"), refused(`VM is locked (${held})\n`));
    child.kill("SIGTERM");
    assert.equal((await child.output()).code, 255);
    assert.equal(stateOf(pve).lock, held);
    await pve.setFault("taskHolds", undefined);
    assert.deepEqual(await sh(`qm ${verb} 200 one`), refused(`VM is locked (${held})\n`));
    assert.deepEqual(await sh("qm unlock 200"), silent());
    assert.equal((await sh(`qm ${verb} 200 one`)).code, 0);
  }
});
