import assert from "node:assert/strict";
import { isArchive, parseBackupLog, parseBackupStep } from "../../../src/proxmox/parsers/vzdump.ts";
import { pure } from "../../support/pure.ts";

pure("parseBackupLog() returns the result, the archive and the reason of a failure", () => {
  const good = parseBackupLog(
    "INFO: starting new backup job: vzdump 100\nINFO: Starting Backup of VM 100 (lxc)\n" +
      "INFO: creating vzdump archive '/var/lib/vz/dump/vzdump-lxc-100-2022_05_26-00_16_48.tar.gz'\n" +
      "INFO: Backup job finished successfully\n",
  );
  assert.deepEqual(good, {
    kind: "lxc",
    archive: "/var/lib/vz/dump/vzdump-lxc-100-2022_05_26-00_16_48.tar.gz",
    finished: true,
    warnings: [],
  });
  const bad = parseBackupLog(
    "ERROR: Backup of VM 100 failed - CT is locked (snapshot)\nINFO: Backup job finished with errors\n",
  );
  assert.deepEqual([bad.finished, bad.failure], [false, "CT is locked (snapshot)"]);
  assert.deepEqual(parseBackupLog(""), { finished: false, warnings: [] });
});

pure("isArchive() recognizes files and names on a backup server", () => {
  const file = "/var/lib/vz/dump/vzdump-lxc-100-2022_05_26-00_16_48.tar.gz";
  assert.equal(isArchive("local:backup/vzdump-lxc-100-2022_05_26-00_16_48.tar.gz", file), true);
  assert.equal(isArchive("local:backup/vzdump-lxc-100-2022_05_26-00_16_49.tar.gz", file), false);
  const name = "ct/101/2026-05-26T00:16:48Z";
  assert.equal(isArchive(`pbs:backup/${name}`, name), true);
});

pure("parseBackupStep() finds the percentage of a VM's backup", () => {
  assert.deepEqual(parseBackupStep("INFO:  12% (3.9 GiB of 32.0 GiB) in 3s, read: 1.3 GiB/s"), {
    text: "12% (3.9 GiB of 32.0 GiB) in 3s, read: 1.3 GiB/s",
    percent: 12,
  });
  assert.deepEqual(parseBackupStep("INFO: backup mode: stop"), { text: "backup mode: stop" });
  assert.equal(parseBackupStep("something"), undefined);
});
