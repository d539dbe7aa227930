/** Error texts of the programs. They are those of the real programs. */
import assert from "node:assert/strict";
import { container, vm } from "../../src/proxmox/guests/guest.ts";
import { readHostProblem } from "../../src/proxmox/host.ts";
import { readProblem } from "../../src/proxmox/problem.ts";
import { pure } from "../support/pure.ts";

function read(stderr: string, guest = container(101)): string {
  const problem = readProblem(guest, "Doing it", stderr);
  return typeof problem === "string" ? problem : `${problem.code}: ${problem.message}`;
}

// pve-container 94f5585 src/PVE/CLI/pct.pm and API2/LXC/Status.pm; measured
pure("readProblem() recognizes a guest that is missing or not running", () => {
  const missing = [
    "Configuration file 'nodes/pve/lxc/999.conf' does not exist\n",
    "Configuration file 'nodes/pve/qemu-server/999.conf' does not exist\n",
    "unable to find configuration file for VM 999 on node 'pve'\n",
    "unable to find VM '999'\n",
  ];
  for (const text of missing) assert.equal(read(text), "missing", text);
  const stopped = [
    "CT 999 not running\n",
    "VM 999 not running\n\n",
    "VM 100 is not running\n",
    "container '102' not running!\n",
    "can only push files to a running CT\n",
    "can only pull files from a running VM at /usr/share/perl5/PVE/CLI/pct.pm line 664.\n",
  ];
  for (const text of stopped) assert.equal(read(text), "not_running", text);
});

// pve-guest-common 4a8f6cb src/PVE/AbstractConfig.pm; measured
pure("readProblem() recognizes locks, templates and states", () => {
  const locked = "locked: Container 101 is locked (snapshot-delete)";
  assert.equal(read("CT is locked (snapshot-delete)\n"), locked);
  assert.equal(read("VM is locked (backup)\n", vm(200)), "locked: VM 200 is locked (backup)");
  assert.match(
    read("can't lock file '/run/lock/lxc/pve-config-101.lock' - got timeout\n"),
    /^locked: Another task/,
  );
  assert.match(read("you can't start a CT if it's a template\n"), /^invalid_state: .*template/);
  assert.match(read("you can't start a vm if it's a template\n"), /^invalid_state: .*template/);
  assert.equal(read("CT 101 already running\n"), "invalid_state: Container 101 is already running");
  assert.match(read("container did not stop\n"), /^timeout: /);
  assert.match(read("VM quit/powerdown failed - got timeout\n"), /^timeout: /);
});

pure("readProblem() recognizes a full storage, unless another line says more", () => {
  const full = [
    "unable to save VM state and RAM - qemu_savevm_state_iterate error -28\n",
    "cp: error writing 'x': No space left on device\n",
    "not enough free space (1048576 < 4194304)\n",
    "  Insufficient free space: 256 extents needed, but only 0 available\n",
    "cannot create 'tank/vm-1-disk-0': out of space\n",
  ];
  for (const text of full) {
    assert.equal(
      read(text),
      `disk_full: Doing it failed: the storage or the disk is full: ${text.trim()}`,
    );
  }
  const log = "cannot write '/var/log/pve/tasks/x': No space left on device\n";
  assert.match(read(`${log}CT is locked (backup)\n`), /^locked: /);
  assert.match(read(`${log}storage 'x' does not exist\n`), /^invalid_argument: .*'x'/);
  assert.match(read("qemu_savevm_state_iterate error -5\n"), /^io_error: /);
});

pure("readProblem() recognizes snapshots, agents, storages and refused arguments", () => {
  assert.equal(
    read("snapshot 'x' does not exist\n"),
    'not_found: Snapshot "x" of container 101 not found',
  );
  assert.match(read("snapshot name 'x' already used\n"), /^already_exists: /);
  assert.match(read("snapshot feature is not available\n"), /^unsupported: /);
  assert.equal(
    read("can't rollback, 'x' is not most recent snapshot on 'zfs:subvol-101-disk-0'\n"),
    "invalid_state: The storage of container 101 can only roll back to the newest snapshot, " +
      'and "x" is not',
  );
  assert.match(read("you can't rollback if vm is a template\n"), /^invalid_state: /);
  assert.match(
    read("Failed to obtain guest migration lock - replication running?\n"),
    /^locked: /,
  );
  assert.match(
    read("unable to use snapshot name 'current' (reserved name)\n"),
    /^invalid_argument: /,
  );
  assert.match(read("No QEMU guest agent configured\n"), /^unsupported: .*No QEMU guest agent/);
  assert.match(read("storage 'x' does not exist\n"), /^invalid_argument: .*storage 'x'/);
  assert.match(
    read(
      "lxc-attach: 101: ../src/lxc/attach.c: get_attach_context: 405 Connection refused - Failed\n",
    ),
    /^invalid_state: Cannot enter container 101/,
  );
  assert.equal(
    read(
      "400 Parameter verification failed.\nsnapname: value may only be 40 characters long\npct …\n",
    ),
    "invalid_argument: Doing it was refused: snapname: value may only be 40 characters long",
  );
});

// pve-common f665029 src/PVE/Tools.pm:203-272
pure(
  "readProblem() ignores lines about waiting for a lock, and locale warnings of perl",
  () => {
    const wait = "trying to acquire lock...\n OK\n";
    const perl = "perl: warning: Setting locale failed.\nperl: warning: Please check that your\n" +
      '\tLANGUAGE = (unset),\n\tLC_ALL = "xx"\n    are supported and installed on your system.\n';
    assert.equal(read(`${wait}CT 101 already running\n`), read("CT 101 already running\n"));
    assert.equal(read(`${perl}something new\n`), "io_error: Doing it failed: something new");
    assert.equal(read(wait), "io_error: Doing it failed: the program gave no reason");
  },
);

const ended = (code: number, stderr: string) => ({ code, stdout: "", stderr });

// public captures with RC=255
pure("readHostProblem() distinguishes no root, no cluster and no quorum", () => {
  const ipcc = (reason: string) =>
    ended(
      255,
      `ipcc_send_rec[1] failed: ${reason}\nUnable to load access control list: ${reason}\n`,
    );
  assert.equal(readHostProblem("pct", ipcc("Unknown error -1"))?.code, "not_permitted");
  assert.equal(readHostProblem("pct", ended(255, "please run as root\n"))?.code, "not_permitted");
  assert.equal(readHostProblem("pct", ipcc("Connection refused"))?.code, "unreachable");
  const quorum = readHostProblem("pct", ended(255, "cluster not ready - no quorum?\n"));
  assert.equal(quorum?.code, "invalid_state");
});

pure("readHostProblem() recognizes a missing program in any language", () => {
  for (
    const text of [
      "env: 'pct': No such file\n",
      "env: ‘pct’: Datei\n",
      "env: pct: not found\n",
      // busybox 1.36
      "env: can't execute 'pct': No such file or directory\n",
    ]
  ) {
    assert.equal(readHostProblem("pct", ended(127, text))?.code, "unsupported", text);
  }
  assert.equal(readHostProblem("pct", ended(127, "lxc-attach: 101: x\n")), undefined);
  assert.equal(readHostProblem("pct", ended(2, "env: 'pct': x\n")), undefined);
  assert.equal(readHostProblem("pct", ended(0, "please run as root\n")), undefined);
});
