/**
 * The stand-in's `qm`, `pvesh`, `pvesm` and `vzdump`. "QS", "MG", "CO", "CT", "ST" in the sources
 * are qemu-server e6352be, pve-manager 14a22df, pve-common f665029, pve-container 94f5585 and
 * pve-storage 0c56bad.
 */
import assert from "node:assert/strict";
import { IDLE, nodeTest, printed, refused, silent, WEB } from "./node_tests.ts";

// QS src/PVE/CLI/qm.pm:1336-1356; QemuServer.pm:2574
nodeTest("qm list aligns ids right and names an unnamed VM with a blank", [], async (pve, sh) => {
  assert.deepEqual(await sh("qm list"), silent());
  await pve.addVm({ vmid: 201, status: "stopped" });
  await pve.addVm({ vmid: 200, name: "web", status: "stopped" });
  const { stdout } = await sh("qm list");
  assert.deepEqual(stdout.split("\n"), [
    "      VMID NAME                 STATUS     MEM(MB)    BOOTDISK(GB) PID       ",
    "       200 web                  stopped    2048              32.00 0         ",
    "       201 VM 201               stopped    2048              32.00 0         ",
    "",
  ]);
});

// QS QemuServer.pm:6251-6373, 8433-8444; Helpers.pm:179-200
nodeTest("qm answers in the wrong state as each command does", [], async (pve, sh) => {
  await pve.addVm({ vmid: 200, status: "stopped" });
  assert.deepEqual(await sh("qm stop 200"), silent());
  assert.deepEqual(await sh("qm shutdown 200"), refused("VM 200 not running\n\n", 0));
  assert.deepEqual(await sh("qm reboot 200"), refused("VM 200 not running\n", 2));
  assert.deepEqual(await sh("qm start 200"), silent());
  assert.deepEqual(await sh("qm status 200"), printed("status: running\n"));
  assert.deepEqual(await sh("qm start 200"), refused("VM 200 already running\n"));
  await pve.setFault("shutdownHangs", [200]);
  assert.deepEqual(
    await sh("qm shutdown 200"),
    refused("VM quit/powerdown failed - got timeout\n"),
  );
  assert.deepEqual(
    await sh("qm shutdown 200 --forceStop"),
    printed("VM still running - terminating now with SIGTERM\n"),
  );
  await pve.setFault("shutdownHangs", undefined);
  assert.deepEqual(await sh("qm start 200"), silent());
  await pve.setFault("restartDelayMs", 3_600_000);
  assert.deepEqual(await sh("qm reboot 200"), silent());
  assert.deepEqual(await sh("qm status 200"), printed("status: stopped\n"));
  const config = "Configuration file 'nodes/pve/qemu-server/999.conf' does not exist\n";
  const locate = "unable to find configuration file for VM 999 on node 'pve'\n";
  assert.deepEqual(await sh("qm status 999"), refused(config, 2));
  assert.deepEqual(await sh("qm start 999"), refused(config));
  assert.deepEqual(await sh("qm stop 999"), refused(locate));
  assert.deepEqual(await sh("qm reboot 999"), refused(locate, 2));
});

// QS qm.pm:963-1055; Agent.pm:125-181
nodeTest("qm guest exec answers JSON and 0, with UTF-8 encoded twice", [], async (pve, sh) => {
  await pve.addVm({ vmid: 200, status: "running", agent: true });
  await pve.addVm({ vmid: 201, status: "running" });
  const answer = await sh(
    "qm guest exec 200 -- sh -c 'printf \"h\\303\\251llo\\n\"; echo oops >&2; exit 3'",
  );
  assert.deepEqual(
    answer,
    printed(
      '{\n   "err-data" : "oops\\n",\n   "exitcode" : 3,\n   "exited" : 1,\n' +
        '   "out-data" : "hÃ©llo\\n"\n}\n',
    ),
  );
  assert.deepEqual(
    await sh("echo in | qm guest exec 200 --pass-stdin 1 -- cat"),
    printed('{\n   "exitcode" : 0,\n   "exited" : 1,\n   "out-data" : "in\\n"\n}\n'),
  );
  assert.match(
    (await sh("qm guest exec 200 -- sh -c 'kill -9 $$'")).stdout,
    /^\{\n {3}"exited" : 1,\n {3}"signal" : 9\n\}\n$/,
  );
  assert.deepEqual(
    await sh("qm guest exec 200 -- echo é"),
    refused("VM 200 qmp command 'guest-exec' failed - got timeout\n"),
  );
  assert.deepEqual(
    await sh("qm guest exec 201 -- true"),
    refused("No QEMU guest agent configured\n"),
  );
});

// QS qm.pm:1292-1312
nodeTest("qm guest exec prints the pid when its time limit ends", [], async (pve, sh) => {
  await pve.addVm({ vmid: 200, status: "running", agent: true });
  const { code, stdout, stderr } = await sh("qm guest exec 200 --timeout 1 -- sleep 600");
  assert.deepEqual([code, stderr], [0, "timeout reached, returning pid\n"]);
  const pid = /^\{\n {3}"pid" : (\d+)\n\}\n$/.exec(stdout)?.[1];
  assert.deepEqual(
    await sh(`qm guest exec-status 200 ${pid}`),
    printed('{\n   "exited" : 0\n}\n'),
  );
});

// CO CLIFormatter.pm:364-447; CT LXC.pm:369-397
nodeTest(
  "pvesh get prints sorted one-line JSON with the real types",
  [WEB, IDLE],
  async (_pve, sh) => {
    const get = async (path: string) => {
      const { stdout } = await sh(`pvesh get ${path} --output-format json`);
      assert.match(stdout, /^[^\n]+\n$/);
      return JSON.parse(stdout);
    };
    const list = await get("/nodes/pve/lxc");
    const web = list.find((ct: { vmid: number }) => ct.vmid === 101);
    assert.deepEqual(Object.keys(web), Object.keys(web).toSorted());
    assert.equal(web.cpu, 0);
    assert.equal(web.pressurecpusome, "0.00");
    assert.deepEqual((await get("/nodes/localhost/lxc/101/status/current")).ha, { managed: 0 });
    assert.ok(
      (await get("/cluster/resources --type vm")).some((one: { cpu: number }) => one.cpu > 0),
    );
    assert.equal((await get("/nodes"))[0].node, "pve");
    assert.equal((await get("/nodes/pve/status")).loadavg.length, 3);
    assert.equal((await get("/cluster/status"))[0].local, 1);
    assert.deepEqual((await get("/nodes/pve/lxc/101/rrddata --timeframe hour")).length, 5);
    assert.equal((await get("/nodes/pve/lxc/102/snapshot"))[0].name, "current");
    assert.equal(await get("/cluster/nextid"), "100");
  },
);

// CT LXC.pm: cpulimit comes from the configuration as text
nodeTest("pvesh prints cpus as text where they come from cpulimit", [
  { ...WEB, config: { cpulimit: "1.5" } },
], async (_pve, sh) => {
  const { stdout } = await sh("pvesh get /nodes/pve/lxc --output-format json");
  assert.equal(JSON.parse(stdout)[0].cpus, "1.5");
});

// measured on Debian: a PATH as other logins than root's have it
nodeTest("no program is found where PATH lacks their directory", [], async (_pve, sh) => {
  for (const program of ["pct", "qm", "pvesh", "vzdump"]) {
    assert.equal((await sh(`PATH=/usr/bin:/bin; ${program} list`)).code, 127, program);
  }
});

// MG CLI/pvesh.pm:240-243, 398-461
nodeTest(
  "pvesh exits 1 for a path it lacks and 0 for a task that failed",
  [WEB],
  async (_pve, sh) => {
    assert.deepEqual(await sh("pvesh get /x"), refused("No 'get' handler defined for '/x'\n", 1));
    assert.deepEqual(
      await sh("pvesh get /nodes/pve/lxc/999/status/current"),
      refused("Configuration file 'nodes/pve/lxc/999.conf' does not exist\n", 2),
    );
    const failed = await sh("pvesh create /nodes/pve/lxc/101/status/start");
    assert.equal(failed.code, 0);
    assert.match(
      failed.stdout,
      /^UPID:pve:[0-9A-F]{8}:[0-9A-F]{8}:[0-9A-F]{8}:vzstart:101:root@pam:\n$/,
    );
    const status = await sh(
      `pvesh get /nodes/pve/tasks/${failed.stdout.trim()}/status --output-format json`,
    );
    assert.equal(JSON.parse(status.stdout).exitstatus, "CT 101 already running");
  },
);

// DOC: guests of the whole cluster
nodeTest("pvesh get /cluster/resources knows the guests of other nodes", [
  { ctid: 300, hostname: "far", status: "running", node: "pve2" },
], async (_pve, sh) => {
  const { stdout } = await sh("pvesh get /cluster/resources --type vm --output-format json");
  const [far] = JSON.parse(stdout);
  assert.deepEqual([far.id, far.node, far.name, far.status], ["lxc/300", "pve2", "far", "running"]);
});

// MG PVE/VZDump.pm:1060-1492; ST src/PVE/CLI/pvesm.pm:240-271
nodeTest("vzdump logs on stdout and leaves a volume that pvesm lists", [WEB], async (pve, sh) => {
  const { code, stdout, stderr } = await sh("vzdump 101 --compress zstd --storage local");
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(
    stdout,
    /^INFO: starting new backup job: vzdump 101 --compress zstd --storage local\n/,
  );
  assert.match(stdout, /INFO: Backup job finished successfully\n$/);
  const file = /creating vzdump archive '\/var\/lib\/vz\/dump\/(.*)'/.exec(stdout)?.[1];
  assert.match(file ?? "", /^vzdump-lxc-101-\d{4}(_\d\d){2}-\d\d(_\d\d){2}\.tar\.zst$/);
  const { size } = await Deno.stat(`${pve.stateDirectory}/dump/${file}`);
  const list = await sh("pvesm list local --content backup --vmid 101");
  const words = list.stdout.split("\n")[1]?.split(/ +/);
  assert.deepEqual(words, [`local:backup/${file}`, "tar.zst", "backup", String(size), "101"]);
});

// MG PVE/VZDump.pm; CLI/vzdump.pm
nodeTest("vzdump fails with job errors and is silent about other nodes", [
  { ctid: 105, status: "stopped", lock: "snapshot" },
  { ctid: 300, status: "running", node: "pve2" },
], async (_pve, sh) => {
  const { code, stdout, stderr } = await sh("vzdump 105");
  assert.deepEqual([code, stderr], [255, "job errors\n"]);
  assert.match(stdout, /ERROR: Backup of VM 105 failed - CT is locked \(snapshot\)\n/);
  assert.deepEqual(await sh("vzdump 300"), silent());
});
