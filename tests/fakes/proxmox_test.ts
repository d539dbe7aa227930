/**
 * The stand-in against what is known of the real programs. "CT", "CO", "GC", "QS", "MG" in the
 * sources are proxmox/pve-container 94f5585, pve-common f665029, pve-guest-common 4a8f6cb,
 * qemu-server e6352be and pve-manager 14a22df; "measured" means the real Perl `pct` was run.
 */
import assert from "node:assert/strict";
import { IDLE, modeOf, nodeTest, printed, refused, silent, WEB } from "./proxmox/node_tests.ts";
import { writeExecutable } from "../support/executable.ts";

// CT src/PVE/CLI/pct.pm:1057-1072
nodeTest("pct list prints nothing at all when there is no container", [], async (_pve, sh) => {
  assert.deepEqual(await sh("pct list"), silent());
});

// CT src/PVE/CLI/pct.pm:1057-1072; LXC.pm:65-79, 291-292
nodeTest(
  "pct list sorts by number, pads names, shows locks, defaults to CT<id> and leaves out other nodes",
  [
    { ctid: 1103, hostname: "late", status: "stopped", lock: "backup" },
    WEB,
    IDLE,
    { ctid: 300, status: "running", node: "pve2" },
  ],
  async (_pve, sh) => {
    const { stdout } = await sh("pct list");
    assert.deepEqual(stdout.split("\n"), [
      "VMID       Status     Lock         Name                ",
      "101        running                 web                 ",
      "102        stopped                 CT102               ",
      "1103       stopped    backup       late                ",
      "",
    ]);
    assert.equal((await sh("pct status 300")).code, 2);
  },
);

// measured: the answers for a container that does not exist
nodeTest("pct answers for a missing container as each command does", [], async (pve, sh) => {
  // migrate looks at the target first.
  assert.deepEqual(await sh("pct migrate 999 pve2"), refused("no such cluster node 'pve2'\n"));
  await pve.setFault("moreNodes", ["pve2"]);
  const missing = "Configuration file 'nodes/pve/lxc/999.conf' does not exist\n";
  const lines = "status 999,config 999,pending 999,exec 999 -- true,listsnapshot 999,destroy 999," +
    "set 999 --onboot 1,unlock 999,df 999,enter 999,resize 999 rootfs +1G,clone 999 105," +
    "migrate 999 pve2";
  for (const line of lines.split(",")) {
    assert.deepEqual(await sh(`pct ${line}`), refused(missing, 2), line);
  }
  for (const line of ["start 999", "snapshot 999 ab", "rollback 999 ab", "delsnapshot 999 ab"]) {
    assert.deepEqual(await sh(`pct ${line}`), refused(missing), line);
  }
  for (const line of ["stop", "shutdown", "suspend"]) {
    assert.deepEqual(await sh(`pct ${line} 999`), refused("CT 999 not running\n"), line);
  }
  assert.deepEqual(await sh("pct reboot 999"), refused("VM 999 not running\n"));
  assert.deepEqual(
    await sh("pct push 999 /etc/passwd /x"),
    refused("can only push files to a running CT\n"),
  );
  assert.match(
    (await sh("pct pull 999 /x /y")).stderr,
    /^can only pull files from a running VM at/,
  );
});

// CO src/PVE/JSONSchema.pm:2346-2556, CLIHandler.pm:114-127; measured
nodeTest("pct refuses wrong arguments with the real usage texts", [WEB], async (_pve, sh) => {
  const usage = "pct status <vmid> [OPTIONS]\n";
  const bad = "400 Parameter verification failed.\nvmid: ";
  const cases: Record<string, string> = {
    "status": `400 not enough arguments\n${usage}`,
    "status 101 102": `400 too many arguments\n${usage}`,
    "status 101 --bogus": `Unknown option: bogus\n400 unable to parse option\n${usage}`,
    "status abc": `${bad}type check ('integer') failed - got 'abc'\n${usage}`,
    "status 99": `${bad}invalid format - value does not look like a valid VM ID\n\n${usage}`,
    "set 101 --onboot maybe": "400 unable to parse boolean option\npct set <vmid> [OPTIONS]\n",
    "shutdown 101 --timeout -1": "400 Parameter verification failed.\n" +
      "timeout: value must have a minimum value of 0\npct shutdown <vmid> [OPTIONS]\n",
    "exec 101 ls -la": "Unknown option: la\n400 unable to parse option\n" +
      "pct exec <vmid> [<extra-args>] [OPTIONS]\n",
    "exec --keep-env 101 -- true": "400 unable to parse boolean option\n" +
      "pct exec <vmid> [<extra-args>] [OPTIONS]\n",
    "exec 101": "missing command at /usr/share/perl5/PVE/CLI/pct.pm line 246.\n",
  };
  for (const [line, stderr] of Object.entries(cases)) {
    assert.deepEqual(await sh(`pct ${line}`), refused(stderr), line);
  }
  assert.match((await sh("pct")).stderr, /^ERROR: no command specified\nUSAGE: pct <COMMAND> \[/);
  assert.match((await sh("pct st 101")).stderr, /^ERROR: incomplete command 'pct st'\n/);
  assert.match((await sh("pct bogus")).stderr, /^ERROR: unknown command 'pct bogus'\n/);
  assert.deepEqual(await sh("pct stat 101"), printed("status: running\n"));
});

// CT pct.pm:46-86; the cpu is left out since 2023-07
nodeTest(
  "pct status --verbose sorts its keys and leaves cpu out",
  [WEB, IDLE],
  async (_pve, sh) => {
    const keys = async (id: number) =>
      (await sh(`pct status ${id} --verbose`)).stdout.trimEnd().split("\n")
        .map((line) => line.replace(/:.*/, ""));
    const running = await keys(101);
    assert.deepEqual(running, [...running].sort());
    assert.ok(running.includes("pid") && running.includes("pressurecpusome"));
    assert.ok(!running.includes("cpu"));
    assert.ok(!(await keys(102)).includes("pid"));
  },
);

// CT src/PVE/API2/LXC/Status.pm
nodeTest(
  "pct start and stop are silent, and errors in the wrong state",
  [IDLE],
  async (_pve, sh) => {
    assert.deepEqual(await sh("pct stop 102"), refused("CT 102 not running\n"));
    assert.deepEqual(await sh("pct start 102"), silent());
    assert.deepEqual(await sh("pct status 102"), printed("status: running\n"));
    assert.deepEqual(await sh("pct start 102"), refused("CT 102 already running\n"));
    assert.deepEqual(
      await sh("pct destroy 102"),
      refused("unable to destroy CT 102 - container is running\n"),
    );
    assert.deepEqual(await sh("pct reboot 102"), silent());
    assert.deepEqual(await sh("pct shutdown 102"), silent());
    assert.deepEqual(await sh("pct status 102"), printed("status: stopped\n"));
    assert.deepEqual(await sh("pct reboot 102"), refused("VM 102 not running\n"));
    assert.deepEqual(
      await sh("pct destroy 102"),
      printed(`  Logical volume "vm-102-disk-0" successfully removed.\n`),
    );
    assert.deepEqual(await sh("pct list"), silent());
  },
);

// CT Status.pm:191-194; GC AbstractConfig.pm:336-340, 378; API2/LXC.pm:879
nodeTest("pct start refuses locks and templates", [
  { ctid: 105, status: "stopped", lock: "backup" },
  { ctid: 106, status: "stopped", template: true },
  { ctid: 107, status: "stopped", lock: "mounted" },
  { ctid: 108, status: "stopped", config: { protection: 1 } },
], async (_pve, sh) => {
  assert.deepEqual(await sh("pct start 105"), refused("CT is locked (backup)\n"));
  assert.deepEqual(
    await sh("pct start 106"),
    refused("you can't start a CT if it's a template\n"),
  );
  assert.deepEqual(await sh("pct start 107"), silent());
  assert.deepEqual(
    await sh("pct destroy 108"),
    refused("can't remove CT 108 - protection mode enabled\n"),
  );
  assert.deepEqual(await sh("pct unlock 105"), silent());
  assert.deepEqual(
    await sh("pct unlock 105"),
    refused("no lock found trying to remove any lock\n"),
  );
});

// CO RESTEnvironment.pm:496-498, 761-770; CT LXC.pm:3112-3123
nodeTest("pct start fails and warns like a real one", [IDLE], async (pve, sh) => {
  await pve.setFault("startFails", [102]);
  const failed = await sh("pct start 102");
  assert.equal(failed.stderr, "startup for container '102' failed\n");
  assert.equal(failed.code, 255);
  assert.notEqual(failed.stdout, "");
  await pve.setFault("startFails", undefined);
  await pve.setFault("startWarns", true);
  const warned = await sh("pct start 102");
  assert.equal(warned.code, 0);
  assert.equal(warned.stderr, "Task finished with 1 warning(s)!\n");
  assert.match(warned.stdout, /^WARN: /);
});

// CT LXC.pm:3219-3271
nodeTest("pct shutdown that runs out of time fails, with --forceStop it kills", [
  WEB,
], async (pve, sh) => {
  await pve.setFault("shutdownHangs", true);
  assert.deepEqual(await sh("pct shutdown 101"), {
    code: 255,
    stdout: "command 'lxc-stop -n 101 --nokill --timeout 60' failed: exit code 1\n",
    stderr: "container did not stop\n",
  });
  assert.deepEqual(await sh("pct status 101"), printed("status: running\n"));
  assert.deepEqual(await sh("pct shutdown 101 --forceStop"), silent());
  assert.deepEqual(await sh("pct status 101"), printed("status: stopped\n"));
});

// the difference between the two is what a test of graceful stopping needs to see
nodeTest("pct shutdown lets the guest's own script run, pct stop does not", [
  WEB,
], async (pve, sh) => {
  const script = `${pve.rootfs(101)}/etc/rc.shutdown`;
  writeExecutable(script, "#!/bin/sh\necho bye >> /root/ended\n");
  await sh("pct stop 101 && pct start 101");
  await assert.rejects(Deno.stat(`${pve.rootfs(101)}/root/ended`), Deno.errors.NotFound);
  assert.deepEqual(await sh("pct shutdown 101"), silent());
  assert.equal(await Deno.readTextFile(`${pve.rootfs(101)}/root/ended`), "bye\n");
});

// CT Status.pm:166-177, 266-280
nodeTest("pct start of an HA container only asks, and the state changes later", [
  { ctid: 110, status: "stopped", ha: true },
], async (pve, sh) => {
  await pve.setFault("haDelayMs", 3_600_000);
  assert.deepEqual(await sh("pct start 110"), printed("Requesting HA start for CT 110\n"));
  assert.deepEqual(await sh("pct status 110"), printed("status: stopped\n"));
  await pve.setFault("haDelayMs", 0);
  assert.deepEqual(await sh("pct start 110"), printed("Requesting HA start for CT 110\n"));
  assert.deepEqual(await sh("pct status 110"), printed("status: running\n"));
});

// CT pct.pm:214-255; LXC src/lxc/attach.c:1599-1608, 1827-1846
nodeTest("pct exec passes the status through and keeps the streams apart", [
  WEB,
  IDLE,
], async (_pve, sh) => {
  assert.deepEqual(await sh("pct exec 101 -- sh -c 'echo o; echo e >&2; exit 42'"), {
    code: 42,
    stdout: "o\n",
    stderr: "e\n",
  });
  assert.deepEqual(await sh("pct exec 101 -- sh -c 'kill -9 $$'"), silent(137));
  const text = "lxc-attach: 101: ../src/lxc/attach.c: lxc_attach_run_command: 1841 ";
  assert.deepEqual(
    await sh("pct exec 101 -- foo"),
    refused(`${text}No such file or directory - Failed to exec "foo"\n`, 127),
  );
  assert.deepEqual(
    await sh("pct exec 101 -- /etc/passwd"),
    refused(`${text}Permission denied - Failed to exec "/etc/passwd"\n`, 126),
  );
  assert.deepEqual(await sh("pct exec 102 -- true"), refused("container '102' not running!\n"));
  assert.deepEqual(await sh("pct exec 101 echo hi"), printed("hi\n"));
  assert.deepEqual(await sh("pct exec 101 -- echo -- -x"), printed("-- -x\n"));
  const odd = 'it\'s $HOME `x` \\n "q" A=b\n\n' + "x".repeat(100_000);
  assert.deepEqual(
    await sh('pct exec 101 -- printf %s "$ODD"', { env: { ODD: odd } }),
    printed(odd),
  );
  assert.equal((await sh("pct exec 101 -- bash -c true")).code, 127);
});

// CT pct.pm:214-255; CO CLIHandler.pm:688
nodeTest("pct exec hands on stdin, the environment and the directory", [WEB], async (_pve, sh) => {
  assert.deepEqual(
    await sh("printf 'a\\000b' | pct exec 101 -- od -An -c | tr -d ' '"),
    printed("a\\0b\n"),
  );
  assert.deepEqual(
    await sh("pct exec 101 -- sh -c 'echo $PATH $HOME'", { env: { HOME: "/host" } }),
    printed("/sbin:/bin:/usr/sbin:/usr/bin /host\n"),
  );
  assert.deepEqual(
    await sh("pct exec 101 --keep-env 0 -- sh -c 'echo $PATH $HOME $container'", {
      env: { HOME: "/host" },
    }),
    printed("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin lxc\n"),
  );
  assert.deepEqual(await sh("pct exec 101 -- pwd", { cwd: "/root" }), printed("/root\n"));
  assert.deepEqual(await sh("cd $D; pct exec 101 -- pwd"), printed("/\n"));
});

// measured: arguments are decoded with the host's locale
nodeTest("pct exec garbles non-ASCII arguments in the C locale only", [WEB], async (_pve, sh) => {
  assert.deepEqual(await sh("pct exec 101 -- echo 'é€'"), printed("é€\n"));
  assert.deepEqual(
    await sh("pct exec 101 -- echo 'é€'", { env: { LC_ALL: "C" } }),
    printed("\ufffd".repeat(5) + "\n"),
  );
});

// the stand-in's own promise: a container is isolated
nodeTest("pct exec starts processes inside the container", [WEB], async (pve, sh) => {
  const inside = await sh(
    "pct exec 101 -- sh -c 'echo x > /tmp/mark; ls /proc; cat /etc/hostname'",
  );
  assert.ok(inside.stdout.endsWith("web\n"));
  assert.ok(inside.stdout.split("\n").filter((name) => /^\d+$/.test(name)).length < 10);
  assert.equal(await Deno.readTextFile(`${pve.rootfs(101)}/tmp/mark`), "x\n");
  const pid = await pve.initPid(101);
  await sh("pct stop 101");
  await assert.rejects(Deno.stat(`/proc/${pid}/exe`), Deno.errors.NotFound);
});

// CT pct.pm:693-800; measured row by row
nodeTest(
  "pct push exits 0 on most failures and says why on stderr",
  [WEB, IDLE],
  async (pve, sh) => {
    const inside = (name: string) => `${pve.rootfs(101)}${name}`;
    await Deno.writeTextFile(`${pve.stateDirectory}/f`, "content\n");
    const push = (line: string) => sh(`cd $D; pct push ${line}`);
    const said = (stderr: string) => refused(stderr, 0);
    const create = "failed to create file: ";

    assert.deepEqual(await push("101 f /opt/f"), silent());
    assert.equal(await Deno.readTextFile(inside("/opt/f")), "content\n");
    assert.equal(await modeOf(inside("/opt/f")), 0o644);
    assert.deepEqual(await push("102 f /f"), refused("can only push files to a running CT\n"));
    assert.deepEqual(await push("101 /x /opt/y"), said("failed to open /x for reading\n"));
    await assert.rejects(Deno.stat(inside("/opt/y")), Deno.errors.NotFound);
    assert.deepEqual(await push("101 /etc /opt/d"), silent());
    assert.equal((await Deno.stat(inside("/opt/d"))).size, 0);
    assert.deepEqual(await push("101 f /opt"), said(`${create}/opt: Is a directory\n`));
    assert.deepEqual(
      await push("101 f /no/x"),
      said(`${create}/no/x: No such file or directory\n`),
    );
    assert.deepEqual(await push("101 f /p --perms 999"), said("invalid mode: '0999'\n"));
    assert.deepEqual(await push("101 f /p --user nosuch"), said("failed to get uid for: nosuch\n"));
    await assert.rejects(Deno.stat(inside("/p")), Deno.errors.NotFound);
    assert.deepEqual(await push("101 f relative --perms 600 --user app"), silent());
    const { uid } = await Deno.stat(inside("/relative"));
    const mode = await modeOf(inside("/relative"));
    assert.deepEqual([mode, uid], [0o600, 1000]);
  },
);

// measured: an existing target keeps its owner and mode; links are resolved inside the container
nodeTest("pct push keeps owner and mode and follows links inside", [WEB], async (pve, sh) => {
  const inside = (name: string) => `${pve.rootfs(101)}${name}`;
  await Deno.writeTextFile(`${pve.stateDirectory}/f`, "new\n");
  await Deno.writeTextFile(inside("/opt/own"), "an older and longer text\n");
  await Deno.chmod(inside("/opt/own"), 0o640);
  await Deno.chown(inside("/opt/own"), 1000, 1000);
  await Deno.symlink("/opt/own", inside("/tmp/link"));
  await Deno.symlink("/nowhere", inside("/tmp/dangling"));
  assert.deepEqual(await sh("pct push 101 $D/f /tmp/link"), silent());
  assert.equal(await Deno.readTextFile(inside("/opt/own")), "new\n");
  const { uid } = await Deno.stat(inside("/opt/own"));
  const mode = await modeOf(inside("/opt/own"));
  assert.deepEqual([mode, uid], [0o640, 1000]);
  assert.deepEqual(
    await sh("pct push 101 $D/f /tmp/dangling"),
    refused("failed to create file: /tmp/dangling: No such file or directory\n", 0),
  );
});

// measured: neither a full disk nor a short write is reported
nodeTest("pct push and pull truncate in silence when the disk is full", [
  { ...WEB, smallDirectory: { path: "/small", bytes: 65_536 } },
], async (pve, sh) => {
  await Deno.writeFile(`${pve.stateDirectory}/f`, new Uint8Array(200_000));
  assert.deepEqual(await sh("pct push 101 $D/f /small/f"), silent());
  const { stdout } = await sh("pct exec 101 -- stat -c %s /small/f");
  assert.ok(Number(stdout) <= 65_536 && Number(stdout) > 0, stdout);
  await sh("pct push 101 $D/f /opt/f");
  await pve.setFault("copyLimit", 1000);
  assert.deepEqual(await sh("pct pull 101 /opt/f $D/back"), silent());
  assert.equal((await Deno.stat(`${pve.stateDirectory}/back`)).size, 1000);
});

// CT pct.pm:607-691; measured
nodeTest("pct pull empties its destination before it fails", [WEB], async (pve, sh) => {
  const host = `${pve.stateDirectory}/dest`;
  await Deno.writeTextFile(host, "precious\n");
  assert.deepEqual(
    await sh("pct pull 101 /nosuch $D/dest"),
    refused("failed to open /nosuch: No such file or directory\n", 0),
  );
  assert.equal(await Deno.readTextFile(host), "");
  assert.deepEqual(await sh("cd $D; pct pull 101 etc/hostname dest --perms 0600"), silent());
  assert.equal(await Deno.readTextFile(host), "web\n");
  assert.equal(await modeOf(host), 0o600);
  assert.deepEqual(
    await sh("pct pull 101 /etc/hostname /"),
    refused("failed to create file: /: Is a directory\n", 0),
  );
});

// measured: a directory becomes an empty file, an existing target keeps owner and mode
nodeTest("pct pull of a directory is empty, and keeps owner and mode of its target", [
  WEB,
], async (pve, sh) => {
  const host = `${pve.stateDirectory}/dest`;
  await Deno.writeTextFile(host, "precious\n");
  await Deno.chmod(host, 0o640);
  await Deno.chown(host, 1000, 33);
  assert.deepEqual(await sh("pct pull 101 /etc/hostname $D/dest"), silent());
  const { uid, gid } = await Deno.stat(host);
  const mode = await modeOf(host);
  assert.deepEqual([await Deno.readTextFile(host), mode, uid, gid], ["web\n", 0o640, 1000, 33]);
  assert.deepEqual(await sh("pct pull 101 /etc $D/dest"), silent());
  assert.equal((await Deno.stat(host)).size, 0);
});

// CT API2/LXC.pm: HA resources are kept unless they are purged
nodeTest("pct destroy of an HA container wants --purge", [
  { ctid: 110, status: "stopped", ha: true },
], async (_pve, sh) => {
  assert.deepEqual(
    await sh("pct destroy 110"),
    refused("unable to remove CT 110 - used in HA resources and purge parameter not set.\n"),
  );
  assert.deepEqual(
    await sh("pct destroy 110 --purge"),
    printed(
      `  Logical volume "vm-110-disk-0" successfully removed.\n` +
        "purging CT 110 from related configurations..\n",
    ),
  );
});

// measured: push acts as the container's root, pull reads as the host's
nodeTest("pct push into an unprivileged container has its root's rights", [
  { ctid: 103, status: "running", unprivileged: true },
], async (pve, sh) => {
  const inside = (name: string) => `${pve.rootfs(103)}${name}`;
  await Deno.writeTextFile(`${pve.stateDirectory}/f`, "content\n");
  await Deno.writeTextFile(inside("/opt/alien"), "host's\n");
  await Deno.chmod(inside("/opt/alien"), 0o600);
  assert.deepEqual(await sh("pct push 103 $D/f /opt/f --perms 4755"), silent());
  const { uid } = await Deno.stat(inside("/opt/f"));
  const mode = await modeOf(inside("/opt/f"));
  assert.deepEqual([mode, uid], [0o755, 100_000]);
  assert.deepEqual(
    await sh("pct push 103 $D/f /opt/alien"),
    refused("failed to create file: /opt/alien: Permission denied\n", 0),
  );
  assert.deepEqual(await sh("pct pull 103 /opt/alien $D/back"), silent());
  assert.equal(await Deno.readTextFile(`${pve.stateDirectory}/back`), "host's\n");
  assert.deepEqual(await sh("pct exec 103 -- id -u"), printed("0\n"));
});

// CO src/PVE/Tools.pm:203-272; GC AbstractConfig.pm:329-333; measured
nodeTest("pct waits for the lock and fails with 4, or with 255 inside a worker", [
  WEB,
], async (pve, sh) => {
  await pve.setFault("lockWaitMs", 20);
  const release = await pve.holdLock(101);
  const timeout = "can't lock file '/run/lock/lxc/pve-config-101.lock' - got timeout\n";
  const waiting = "trying to acquire lock...\n";
  for (const line of ["set 101 --onboot 1", "push 101 /etc/passwd /opt/x"]) {
    assert.deepEqual(await sh(`pct ${line}`), refused(`${waiting}${timeout}`, 4), line);
  }
  assert.deepEqual(await sh("pct stop 101"), { code: 255, stdout: waiting, stderr: timeout });
  assert.equal(
    (await sh("pct exec 101 -- true; pct status 101; pct list; pct config 101")).code,
    0,
  );
  await release();
  assert.deepEqual(await sh("pct set 101 --onboot 1"), silent());
});

// measured: a FIFO as source hangs and holds the lock
nodeTest("pct push of a FIFO holds the lock, and who waits goes on with OK", [
  WEB,
], async (pve, sh) => {
  await sh("mkfifo $D/fifo");
  const pushing = sh("pct push 101 $D/fifo /opt/f");
  // Opening for writing waits for the reader: by then the lock is held.
  const fifo = await Deno.open(`${pve.stateDirectory}/fifo`, { write: true });
  const child = new Deno.Command(`${pve.binDirectory}/pct`, {
    args: ["set", "101", "--onboot", "1"],
    stderr: "piped",
    stdin: "null",
  }).spawn();
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await reader.read()).value, "trying to acquire lock...\n");
  await fifo.write(new TextEncoder().encode("late\n"));
  fifo.close();
  assert.deepEqual(await pushing, silent());
  assert.equal((await reader.read()).value, " OK\n");
  assert.equal((await reader.read()).done, true);
  assert.equal((await child.status).code, 0);
  assert.equal(await Deno.readTextFile(`${pve.rootfs(101)}/opt/f`), "late\n");
});

// flock is released by the kernel when its holder dies
nodeTest("pct takes the lock of a killed process without waiting", [WEB], async (pve, sh) => {
  await sh("mkfifo $D/fifo");
  const pushing = new Deno.Command(`${pve.binDirectory}/pct`, {
    args: ["push", "101", `${pve.stateDirectory}/fifo`, "/opt/f"],
    stdin: "null",
  }).spawn();
  const fifo = await Deno.open(`${pve.stateDirectory}/fifo`, { write: true });
  pushing.kill("SIGKILL");
  await pushing.status;
  fifo.close();
  assert.deepEqual(await sh("pct set 101 --onboot 1"), silent());
});

// CT API2/LXC.pm:2306-2477
nodeTest("pct resize grows a disk and refuses to shrink it", [IDLE], async (pve, sh) => {
  const { code, stderr, stdout } = await sh("pct resize 102 rootfs +1G");
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /from 8\.00 GiB \(2048 extents\) to 9\.00 GiB \(2304 extents\)\.$/m);
  assert.match((await sh("pct config 102")).stdout, /^rootfs: .*size=9G$/m);
  assert.deepEqual(await sh("pct resize 102 rootfs 8G"), refused("unable to shrink disk size\n"));
  await pve.setFault("resizeFails", true);
  const failed = await sh("pct resize 102 rootfs +1G");
  assert.deepEqual([failed.code, /^command '\/sbin\/lvextend .* failed/.test(failed.stderr)], [
    0,
    true,
  ]);
});

// GC AbstractConfig.pm:1167-1170, GuestHelpers.pm:135-190; measured
nodeTest("pct rollback brings files back and leaves the container stopped", [
  WEB,
], async (pve, sh) => {
  const file = `${pve.rootfs(101)}/root/state`;
  await Deno.writeTextFile(file, "before");
  assert.deepEqual(
    await sh("pct snapshot 101 before-upgrade --description 'Before upgrade'"),
    silent(),
  );
  assert.deepEqual(await sh("pct snapshot 101 second"), silent());
  assert.match(
    (await sh("pct listsnapshot 101")).stdout,
    new RegExp(
      "^`-> before-upgrade {14}\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d {5}Before upgrade\n" +
        " `-> second {21}\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d {5}no-description\n" +
        "  `-> current {43}You are here!\n$",
    ),
  );
  await Deno.writeTextFile(file, "after");
  assert.deepEqual(await sh("pct rollback 101 before-upgrade"), silent());
  assert.equal(await Deno.readTextFile(file), "before");
  assert.deepEqual(await sh("pct status 101"), printed("status: stopped\n"));
  assert.deepEqual(await sh("pct rollback 101 second --start 1"), silent());
  assert.deepEqual(await sh("pct status 101"), printed("status: running\n"));
  assert.deepEqual(await sh("pct delsnapshot 101 second"), silent());
  assert.deepEqual(await sh("pct rollback 101 nope"), refused("snapshot 'nope' does not exist\n"));
});

// CT LXC/Config.pm; measured
nodeTest("pct snapshot refuses names", [IDLE], async (_pve, sh) => {
  const stderr = async (name: string) => (await sh(`pct snapshot 102 ${name}`)).stderr;
  assert.equal(
    await stderr("current"),
    "unable to use snapshot name 'current' (reserved name)\n",
  );
  assert.match(
    await stderr("1abc"),
    /snapname: invalid format - invalid configuration ID '1abc'\n\n/,
  );
  assert.match(await stderr("a"), /invalid configuration ID 'a'/);
  assert.match(await stderr("a".repeat(41)), /snapname: value may only be 40 characters long\n/);
  assert.equal(await stderr("ab"), "");
  assert.equal(await stderr("ab"), "snapshot name 'ab' already used\n");
  assert.deepEqual(
    await sh("pct delsnapshot 102 ab; pct listsnapshot 102"),
    printed(`\`-> current${" ".repeat(45)}You are here!\n`),
  );
});

// CT pct.pm:1073-1094, API2/LXC/Config.pm:111-272; measured
nodeTest("pct config prints sorted lines and pct set changes them", [IDLE], async (_pve, sh) => {
  assert.deepEqual(await sh("pct set 102 --description 'my\ntést' --tags 'b;A;b'"), silent());
  const { stdout } = await sh("pct config 102");
  assert.ok(
    stdout.startsWith("arch: amd64\ncores: 2\ndescription: my%0At%C3%A9st%0A\nmemory: 512\n"),
  );
  assert.match(stdout, /^tags: a;b$/m);
  assert.deepEqual(await sh("pct set 102"), refused("no options specified\n"));
  assert.deepEqual(
    await sh("pct set 102 --delete onboot"),
    refused("cannot delete 'onboot' - not set in current configuration!\n", 0),
  );
  assert.match((await sh("pct set 102 --hostname a_b")).stderr, /valid DNS name\n\n/);
});

// public captures with RC=255
nodeTest(
  "every program refuses without root's rights as the real ones do",
  [IDLE],
  async (pve, sh) => {
    await pve.setFault("notRoot", true);
    const lines = [1, 2, 3].map((n) => `ipcc_send_rec[${n}] failed: Unknown error -1\n`).join("");
    const stderr = `${lines}Unable to load access control list: Unknown error -1\n`;
    for (const line of ["pct list", "pct exec 102 -- true", "qm list", "pvesh get /nodes"]) {
      assert.deepEqual(await sh(line), refused(stderr), line);
    }
  },
);

nodeTest("calls() lists every call with its arguments", [WEB], async (pve, sh) => {
  await sh("pct status 101; pct exec 101 -- echo 'a b'; qm list");
  assert.deepEqual(await pve.calls(), [
    { program: "pct", args: ["status", "101"] },
    { program: "pct", args: ["exec", "101", "--", "echo", "a b"] },
    { program: "qm", args: ["list"] },
  ]);
});
