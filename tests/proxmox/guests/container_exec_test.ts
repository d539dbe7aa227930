import assert from "node:assert/strict";
import { bothTest, failure, type Node, nodeTest, processesLike } from "../node.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { until } from "../../support/until.ts";

const BUSYBOX = { ctid: 101, hostname: "web", status: "running" } as const;
const BASH = { ctid: 102, hostname: "db", status: "running", bash: true } as const;

const exec = (node: Node, command: string, more: Record<string, unknown> = {}) =>
  node.call("proxmox_container_exec_command", { ctid: 101, command, ...more });

bothTest("proxmox_container_exec_command returns streams, exit code and names", {
  containers: [BUSYBOX],
}, async (node) => {
  const { text, data, isError } = await exec(node, "cat /etc/hostname; echo oops >&2; exit 42");
  assert.equal(isError, false);
  assert.deepEqual(
    [data.ctid, data.success, data.exit_code, data.stdout, data.stderr, data.process_ended],
    [101, false, 42, "web\n", "oops\n", true],
  );
  assert.equal(data.command, "cat /etc/hostname; echo oops >&2; exit 42");
  assert.ok(!("stderr_truncated" in data));
  assert.match(text, /^=== EXIT CODE: 42 ===\n/);
  assert.ok(text.endsWith("=== STDERR ===\noops\n"));
  const plain = await exec(node, "true");
  assert.deepEqual([plain.data.success, plain.data.stderr], [true, ""]);
  const killed = await exec(node, "kill -9 $$");
  assert.equal(killed.data.exit_code, 137);
});

bothTest("proxmox_container_exec_command passes on any text unchanged", {
  containers: [BUSYBOX, BASH],
}, async (node) => {
  for (const text of [`'`, `"$HOME" $(id) \`id\` \\ ! *`, "two\nlines\n", "héllo €😀", "a'\n'b"]) {
    for (const ctid of [101, 102]) {
      const command = `printf '%s' '${text.replaceAll("'", `'\\''`)}'`;
      const { data } = await node.call("proxmox_container_exec_command", { ctid, command });
      assert.equal(data.stdout, text);
    }
  }
  assert.equal((await exec(node, `echo done; : ${"x".repeat(9_987)}`)).data.stdout, "done\n");
});

// Quoted, it has 40,000 characters: more than the max. packet of the embedded host.
nodeTest("proxmox_container_exec_command takes 10,000 quotes", {
  link: "openssh",
  containers: [BUSYBOX],
}, async (node) => {
  const { data } = await exec(node, `echo done; : ${"'".repeat(9_986)}`);
  assert.equal(data.stdout, "done\n");
});

bothTest("proxmox_container_exec_command runs text that begins with a dash as a command", {
  containers: [BUSYBOX, BASH],
}, async (node) => {
  for (const ctid of [101, 102]) {
    const { data } = await node.call("proxmox_container_exec_command", { ctid, command: "-c id" });
    assert.equal(data.exit_code, 127);
    assert.match(data.stderr, /-c: .*not found/);
  }
});

bothTest("proxmox_container_exec_command uses bash if it exists, else sh", {
  containers: [BUSYBOX, BASH],
}, async (node) => {
  const command = 'echo "${BASH_VERSION:-none}"';
  assert.equal((await exec(node, command)).data.stdout, "none\n");
  const { data } = await node.call("proxmox_container_exec_command", { ctid: 102, command });
  assert.match(data.stdout, /^5\./);
});

nodeTest("proxmox_container_exec_command sets the PATH of a login and no variables of the host", {
  containers: [BUSYBOX],
  env: { SECRET_OF_HOST: "1", LANG: "de_DE.UTF-8" },
}, async (node) => {
  const { data } = await exec(node, "env | sort; pwd");
  assert.deepEqual(data.stdout.split("\n").filter((line: string) => !/^(_|SHLVL)=/.test(line)), [
    "HOME=/root",
    "LOGNAME=root",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/wrappers/bin:" +
    "/run/current-system/sw/bin:/run/current-system/profile/bin:/run/current-system/profile/sbin:" +
    "/nix/var/nix/profiles/default/bin",
    "PWD=/root",
    "USER=root",
    "container=lxc",
    "/root",
    "",
  ]);
});

nodeTest("proxmox_container_exec_command runs one command on the host, like ssh_exec_command", {
  containers: [BUSYBOX],
}, async (node) => {
  await node.call("ssh_exec_command", { command: "true" });
  const before = node.commandCount();
  await node.call("ssh_exec_command", { command: "true" });
  const plain = node.commandCount() - before;
  await exec(node, "true");
  assert.equal(node.commandCount() - before - plain, plain);
});

nodeTest("proxmox_container_exec_command cuts long output and keeps the exit code", {
  containers: [BUSYBOX],
  limits: { characterLimit: 100 },
}, async (node) => {
  const { data } = await exec(node, "seq 1 500; seq 1 500 >&2; exit 3");
  assert.equal(data.exit_code, 3);
  assert.deepEqual([data.stdout_truncated, data.stdout_original_length], [true, 1892]);
  assert.deepEqual([data.stderr_truncated, data.stderr_original_length], [true, 1892]);
  assert.ok(data.stderr.startsWith("1\n2\n"));
  const [, missing, total] = / (\d+) of (\d+) characters are missing here/.exec(data.stderr) ?? [];
  const notice = /\n\n\[OUTPUT TRUNCATED.*\]\n\n/;
  assert.equal(Number(total), 1892);
  assert.equal(Number(missing), 1892 - data.stderr.replace(notice, "").length);
  const full = await exec(node, "printf '%0100d' 1");
  assert.deepEqual([full.data.stdout.length, full.data.stdout_truncated], [100, undefined]);
});

bothTest("proxmox_container_exec_command names why a container cannot be entered", {
  containers: [
    BUSYBOX,
    { ctid: 103, status: "stopped" },
    { ctid: 300, status: "running", node: "pve2" },
  ],
  vms: [{ vmid: 200, status: "running" }],
}, async (node) => {
  const of = async (ctid: number) =>
    failure(await node.call("proxmox_container_exec_command", { ctid, command: "true" }));
  assert.deepEqual(await of(999), ["not_found", "Container 999 not found"]);
  assert.deepEqual(await of(103), ["invalid_state", "Container 103 is not running"]);
  const [code, error] = await of(300);
  assert.equal(code, "unsupported");
  assert.match(error, /^Container 300 is on the cluster node "pve2"/);
  assert.equal((await of(200))[0], "invalid_argument");
  await node.pve.setFault("attachFails", true);
  assert.deepEqual((await of(101))[0], "invalid_state");
  await node.pve.setFault("notRoot", true);
  assert.deepEqual((await of(101))[0], "not_permitted");
});

nodeTest("proxmox_container_exec_command distinguishes the guest's exit code from the host's", {
  containers: [BUSYBOX],
}, async (node) => {
  const command = "echo \"Configuration file 'nodes/pve/lxc/101.conf' does not exist\" >&2; exit 2";
  const { data, isError } = await exec(node, command);
  assert.deepEqual([isError, data.exit_code], [false, 2]);
  for (const code of [255, 4, 1]) {
    assert.equal((await exec(node, `exit ${code}`)).data.exit_code, code);
  }
});

nodeTest("proxmox_container_exec_command names a host without Proxmox VE", {
  hasPrograms: false,
}, async (node) => {
  const [code, error] = failure(await exec(node, "true"));
  assert.deepEqual([code, error], [
    "unsupported",
    'The host has no program "pct": it is not a Proxmox VE node',
  ]);
});

/** The time limit of commands whose clock a test moves. */
const LIMIT_S = 200;
const clock = new FakeClock();

/** Waits for the end of both sleeps. Only a guard can confirm it. */
async function assertStopped(node: Node): Promise<void> {
  const sleeps = () => processesLike(/sleep 7123/);
  if (node.isGuarded) assert.deepEqual(sleeps(), []);
  else await until("the end of the processes", () => sleeps().length === 0);
}

bothTest("proxmox_container_exec_command stops the processes inside on a timeout", {
  containers: [BUSYBOX, { ...BUSYBOX, ctid: 104, unprivileged: true }],
  commandClock: clock,
}, async (node) => {
  for (const ctid of [101, 104]) {
    const command = "echo begun; (sleep 7123 & sleep 7123) | cat";
    let output = "";
    const running = node.call("proxmox_container_exec_command", {
      ctid,
      command,
      timeout: LIMIT_S,
    }, { progress: ({ message = "" }) => void (output = message) });
    await until("it has begun", () => {
      clock.advance(20);
      return output.includes("begun");
    });
    clock.advance(LIMIT_S * 1_000);
    const answer = await running;
    assert.equal(failure(answer)[0], "timeout");
    const { stdout, timeout_reached, process_ended, exit_code } = answer.data;
    assert.deepEqual([stdout, timeout_reached, process_ended, exit_code], [
      "begun\n",
      true,
      node.isGuarded,
      null,
    ]);
    await assertStopped(node);
  }
});

nodeTest("proxmox_container_exec_command kills processes inside that ignore TERM", {
  link: "openssh",
  containers: [BUSYBOX],
  commandClock: clock,
}, async (node) => {
  const command = "trap '' TERM; echo begun; sleep 7123 & sleep 7123";
  let output = "";
  const running = node.call("proxmox_container_exec_command", {
    ctid: 101,
    command,
    timeout: LIMIT_S,
  }, { progress: ({ message = "" }) => void (output = message) });
  // The processes run before the server knows that the command has started.
  await until("both run", () => {
    clock.advance(20);
    return output.includes("begun") && processesLike(/^sleep 7123/).length === 2;
  });
  clock.advance(LIMIT_S * 1_000);
  const answer = await running;
  assert.deepEqual([failure(answer)[0], answer.data.process_ended], ["timeout", true], answer.text);
  assert.deepEqual(processesLike(/sleep 7123/), []);
});

bothTest("proxmox_container_exec_command stops the processes inside when it is cancelled", {
  containers: [BASH],
}, async (node) => {
  const controller = new AbortController();
  const answer = await node.call("proxmox_container_exec_command", {
    ctid: 102,
    command: "echo begun; sleep 7123 & sleep 7123",
  }, {
    signal: controller.signal,
    progress: ({ message = "" }) => {
      assert.ok(!message.includes("entered"), message);
      if (message.includes("begun")) controller.abort();
    },
  });
  assert.equal(failure(answer)[0], "cancelled");
  assert.deepEqual([answer.data.cancelled, answer.data.process_ended], [true, node.isGuarded]);
  await assertStopped(node);
});

for (const programDirectory of ["/run/current-system/sw/bin", "/run/current-system/profile/bin"]) {
  nodeTest(`proxmox_container_exec_command finds programs that are only in ${programDirectory}`, {
    containers: [{ ...BUSYBOX, programDirectory }],
  }, async (node) => {
    const { data } = await exec(node, "ls / | grep -c etc; echo in | cat; stat -c %a /root");
    assert.deepEqual([data.exit_code, data.stdout, data.stderr], [0, "1\nin\n700\n", ""]);
  });
}

nodeTest("proxmox_container_exec_command names the program that a container lacks", {
  containers: [
    { ...BUSYBOX, without: ["stat"] },
    { ctid: 102, status: "running", without: ["env"] },
  ],
}, async (node) => {
  const { data } = await exec(node, "stat /");
  assert.deepEqual([data.exit_code, /stat: not found/.test(data.stderr)], [127, true]);
  const answer = await node.call("proxmox_container_exec_command", { ctid: 102, command: "ls" });
  assert.deepEqual(failure(answer), [
    "unsupported",
    'Container 102 has no program "env", which this tool needs',
  ]);
});
