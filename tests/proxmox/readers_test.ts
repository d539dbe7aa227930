/** What the programs print, as values. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { RemoteExecError } from "../../src/errors.ts";
import {
  parseConfig,
  parseContainerList,
  parseHaRequest,
  parseStatus,
  parseWarnings,
} from "../../src/proxmox/parsers/pct.ts";
import {
  parseNodeTraffic,
  parseResources,
  parseSnapshots,
} from "../../src/proxmox/parsers/pvesh.ts";
import { parseAgentAnswer, parseVmList } from "../../src/proxmox/parsers/qm.ts";
import { cutTexts } from "../../src/ssh/outcome.ts";
import { isArchive, parseBackupLog, parseBackupStep } from "../../src/proxmox/parsers/vzdump.ts";
import { pure } from "../support/pure.ts";

const id = fc.integer({ min: 100, max: 999_999_999 });
const word = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9.-]{0,60}$/);

/** Source: pve-container 94f5585 src/PVE/CLI/pct.pm:1057-1072. */
const pctRow = (...[vmid, status, lock, name]: readonly [string, string, string, string]) =>
  `${vmid.padEnd(10)} ${status.padEnd(10)} ${lock.padEnd(12)} ${name.padEnd(20)}\n`;

pure("parseContainerList() reads what pct list prints", () => {
  const row = fc.record({
    ctid: id,
    status: fc.constantFrom("running", "stopped"),
    name: word,
    lock: fc.option(
      fc.constantFrom("backup", "snapshot", "snapshot-delete", "mounted", "migrate"),
      { nil: undefined },
    ),
  });
  fc.assert(fc.property(fc.array(row), (rows) => {
    const lines = rows.map(({ ctid, status, lock = "", name }) =>
      pctRow(String(ctid), status, lock, name)
    );
    const expected = rows.map(({ lock, ...rest }) => lock === undefined ? rest : { ...rest, lock });
    const text = pctRow("VMID", "Status", "Lock", "Name") + lines.join("");
    assert.deepEqual(parseContainerList(text), expected);
  }));
});

pure(
  "parseContainerList() finds nothing in no output, and keeps a blank name beside a lock",
  () => {
    assert.deepEqual(parseContainerList(""), []);
    assert.deepEqual(parseContainerList(pctRow("101", "running", "backup", "")), [
      { ctid: 101, status: "running", name: "", lock: "backup" },
    ]);
  },
);

pure("parseStatus() reads the one word and nothing else", () => {
  assert.equal(parseStatus("status: running\n"), "running");
  assert.equal(parseStatus("WARN: x\nstatus: prelaunch\n"), "prelaunch");
  assert.equal(parseStatus("running\n"), undefined);
});

pure("parseConfig() decodes the description and keeps raw lines apart", () => {
  const text = "arch: amd64\ndescription: my%0At%C3%A9st%0A\nnet0: name=eth0,hwaddr=BC:24\n" +
    "lxc.cap.drop: mknod\nlxc.cap.drop: sys_time\n";
  assert.deepEqual(parseConfig(text), {
    options: { arch: "amd64", description: "my\ntést", net0: "name=eth0,hwaddr=BC:24" },
    raw: ["lxc.cap.drop: mknod", "lxc.cap.drop: sys_time"],
  });
  assert.equal(parseConfig("description: 100%\n").options.description, "100%");
});

pure("parseHaRequest() and parseWarnings() read a task's lines", () => {
  assert.equal(parseHaRequest("Requesting HA start for CT 101\n"), "start");
  assert.equal(parseHaRequest("Requesting HA stop for VM 200\n"), "stop");
  assert.equal(parseHaRequest(""), undefined);
  assert.deepEqual(parseWarnings("x\nWARN: one\nWARN: two \n"), ["one", "two"]);
});

pure("parseVmList() reads what qm list prints", () => {
  const row = fc.record({
    vmid: id,
    name: fc.oneof(word, id.map((number) => `VM ${number}`)),
    status: fc.constantFrom("running", "stopped", "paused"),
    memoryMb: fc.integer({ min: 16, max: 4_000_000 }),
    bootDiskGb: fc.integer({ min: 0, max: 1_000_000 }).map((value) => value / 100),
    pid: fc.option(fc.integer({ min: 1, max: 4_194_304 }), { nil: undefined }),
  });
  fc.assert(fc.property(fc.array(row), (rows) => {
    const lines = rows.map((vm) =>
      `${String(vm.vmid).padStart(10)} ${vm.name.padEnd(20)} ${vm.status.padEnd(10)} ` +
      `${String(vm.memoryMb).padEnd(10)} ${vm.bootDiskGb.toFixed(2).padStart(12)} ` +
      `${String(vm.pid ?? 0).padEnd(10)}\n`
    );
    const header =
      "      VMID NAME                 STATUS     MEM(MB)    BOOTDISK(GB) PID       \n";
    const expected = rows.map(({ pid, ...rest }) => pid === undefined ? rest : { ...rest, pid });
    assert.deepEqual(parseVmList(header + lines.join("")), expected);
  }));
});

pure("parseAgentAnswer() decodes any text that was encoded twice", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.integer(), (text, exitcode) => {
    fc.pre(text.isWellFormed());
    const bytes = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte));
    const json = JSON.stringify({ exited: 1, exitcode, "out-data": bytes.join("") }, null, 3);
    const answer = parseAgentAnswer(`${json}\n`);
    assert.deepEqual([answer.exited, answer.exitCode, answer.stdout], [true, exitcode, text]);
  }));
});

pure("parseAgentAnswer() reads signals, a process that runs, and cut output", () => {
  assert.equal(parseAgentAnswer('{"exited":1,"signal":15}').signal, "TERM");
  assert.deepEqual(parseAgentAnswer('{"pid":12}'), {
    pid: 12,
    exited: false,
    exitCode: null,
    signal: null,
    stdout: "",
    stderr: "",
    truncated: { stdout: false, stderr: false },
  });
  const cut = parseAgentAnswer('{"exited":true,"exitcode":0,"out-truncated":1,"out-data":"x"}');
  assert.deepEqual(cut.truncated, { stdout: true, stderr: false });
  for (const text of ["", "no json", "[]"]) {
    assert.throws(() => parseAgentAnswer(text), RemoteExecError);
  }
});

pure("parseSnapshots() sorts what has no order and takes the present apart", () => {
  const text = JSON.stringify([
    { name: "second", snaptime: 20, parent: "first", description: "" },
    { name: "current", description: "You are here!", parent: "second", running: 1 },
    { name: "first", snaptime: 10, description: "one\n", snapstate: "delete" },
  ]);
  assert.deepEqual(parseSnapshots(text), {
    snapshots: [
      { name: "first", description: "one", createdAt: 10, state: "delete" },
      { name: "second", description: "", createdAt: 20, parent: "first" },
    ],
    parent: "second",
  });
});

pure("parseResources() takes numbers that are text and refuses what is no list", () => {
  const [guest] = parseResources('[{"type":"lxc","id":"lxc/101","vmid":"101","maxcpu":"1.5"}]\n');
  assert.deepEqual([guest?.vmid, guest?.maxcpu], [101, 1.5]);
  for (const text of ["", "{}", "[1]", "[{"]) {
    assert.throws(() => parseResources(text), RemoteExecError);
  }
});

pure("parseNodeTraffic() takes the newest sample that has values", () => {
  const samples = [{ time: 60, netin: 1, netout: 2 }, { time: 180 }, {
    time: 120,
    netin: 3,
    netout: 4,
  }];
  assert.deepEqual(parseNodeTraffic(JSON.stringify(samples)), { netin: 3, netout: 4 });
  assert.equal(parseNodeTraffic('[{"time":1}]'), undefined);
});

pure("parseBackupLog() reads the end, the archive and the reason of a failure", () => {
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

pure("isArchive() knows files and names on a backup server", () => {
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

pure("cutTexts() keeps both streams within the limit and half of it for each", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 200 });
  fc.assert(fc.property(text, text, fc.integer({ min: 10, max: 150 }), (out, err, limit) => {
    const [stdout, stderr] = cutTexts(out, err, limit);
    const kept = [stdout, stderr].map(({ text, truncated }) => {
      const [head = "", tail = ""] = truncated
        ? text.split(/\n\n\[OUTPUT TRUNCATED[^\]]*\]\n\n/)
        : [text];
      return Array.from(head).length + Array.from(tail).length;
    });
    const lengths = [out, err].map((one) => Array.from(one).length);
    assert.deepEqual([stdout.originalLength, stderr.originalLength], lengths);
    const [outLength = 0, errLength = 0] = lengths;
    if (outLength + errLength <= limit) {
      return assert.deepEqual([stdout.text, stderr.text], [out, err]);
    }
    assert.equal((kept[0] ?? 0) + (kept[1] ?? 0), limit);
    const half = Math.floor(limit / 2);
    assert.ok((kept[0] ?? 0) >= Math.min(outLength, half));
    assert.ok((kept[1] ?? 0) >= Math.min(errLength, half));
  }));
});
