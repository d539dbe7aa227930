import assert from "node:assert/strict";
import { until } from "../../support/until.ts";
import { bothTest, failure, type Node, nodeTest, processesLike } from "../node.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const WEB = { vmid: 200, name: "web", status: "running" } as const;
const AGENT = { vmid: 202, name: "app", status: "running", agent: true } as const;

const call = (node: Node, verb: string, vmid: number, args: Record<string, unknown> = {}) =>
  node.call(`proxmox_${verb}`, { vmid, ...args });

bothTest("proxmox_vm_exec_command decodes output and exit code", { vms: [AGENT] }, async (node) => {
  const exec = async (command: string) =>
    (await call(node, "vm_exec_command", 202, { command })).data;
  const data = await exec("echo 'héllo €😀'; echo ouch >&2; exit 3");
  assert.deepEqual([data.vmid, data.exit_code, data.stdout, data.stderr, data.success], [
    202,
    3,
    "héllo €😀\n",
    "ouch\n",
    false,
  ]);
  const silent = await exec("true");
  assert.deepEqual([silent.exit_code, silent.stdout, silent.stderr], [0, "", ""]);
  assert.equal((await exec("kill -9 $$")).signal, "KILL");
  assert.equal((await exec("-x")).exit_code, 127);
  assert.equal((await exec(`printf %s "it's"; :`)).stdout, "it's");
});

bothTest("proxmox_vm_exec_command passes on any text unchanged, and no stdin", {
  vms: [AGENT],
}, async (node) => {
  const exec = async (command: string) =>
    (await call(node, "vm_exec_command", 202, { command })).data;
  for (
    const text of [`"$HOME" $(id) \`id\` \\ \\0101 %s ! *`, "two\nlines\n\n", "héllo €😀", "it's"]
  ) {
    const { stdout } = await exec(`printf '%s' '${text.replaceAll("'", `'\\''`)}'`);
    assert.equal(stdout, text);
  }
  assert.equal((await exec(`${": é".repeat(3_000)}; echo done\n`)).stdout, "done\n");
  assert.equal((await exec(`: ${"😀".repeat(9_980)}; echo done`)).stdout, "done\n");
  assert.equal((await exec("cat; echo end")).stdout, "end\n");
});

/** The time limit of commands whose clock a test moves. */
const LIMIT_S = 200;
/** Measures the time limits of commands in the VM, and the time between two looks at them. */
const clock = new FakeClock();
/** Measures the time limits of the programs on the host that make these looks. */
const hostClock = new FakeClock();

/** Waits until processes run, and lets the server look at the command meanwhile. */
const untilRunning = (pattern: RegExp, count: number): Promise<void> =>
  until(`${count} processes like ${pattern}`, () => {
    clock.advance(20);
    return processesLike(pattern).length === count;
  });

/** Waits until the server looks at a command, whose start it knows then. */
const untilLookedAt = (node: Node): Promise<void> =>
  until("a look", async () => {
    clock.advance(20);
    return (await node.newCalls()).some((line) => line.startsWith("qm guest exec-status"));
  });

nodeTest("proxmox_vm_exec_command keeps its timeout on a slow host", {
  vms: [AGENT],
  commandClock: hostClock,
}, async (node) => {
  await node.pve.setFault("delayMs", 60_000);
  const running = call(node, "vm_exec_command", 202, { command: "true", timeout: 1 });
  await until("the program has been called", async () => (await node.newCalls()).length > 0);
  await node.pve.setFault("delayMs", undefined);
  hostClock.advance(1_000);
  const answer = await running;
  assert.deepEqual([failure(answer)[0], answer.data.timeout_reached], ["timeout", true]);
});

nodeTest("proxmox_vm_exec_command stops polling at its time limit", {
  vms: [AGENT],
  clock,
  commandClock: hostClock,
}, async (node) => {
  const command = "echo begun; sleep 7127";
  const running = call(node, "vm_exec_command", 202, { command, timeout: LIMIT_S });
  await untilRunning(/^sleep 7127/, 1);
  // Before the fault is set: newCalls() would also drop the slow call that is awaited below.
  await node.newCalls();
  // The limit is reached while an answer is awaited.
  await node.pve.setFault("delayMs", 60_000);
  await untilLookedAt(node);
  await node.pve.setFault("delayMs", undefined);
  clock.advance(LIMIT_S * 1_000);
  const answer = await running;
  assert.deepEqual([failure(answer)[0], answer.data.process_ended], ["timeout", true]);
  assert.equal(answer.data.stdout, "begun\n");
});

nodeTest("proxmox_vm_exec_command polls until a long command ends", {
  vms: [AGENT],
}, async (node) => {
  const command = "while [ ! -e /tmp/go ]; do sleep 0.05; done; echo late";
  const running = call(node, "vm_exec_command", 202, { command });
  await until("three looks", async () => {
    const calls = await node.pve.calls();
    return calls.filter(({ args }) => args.includes("exec-status")).length === 3;
  });
  await Deno.writeTextFile(`${node.pve.rootfs(202)}/tmp/go`, "");
  const { data } = await running;
  assert.deepEqual([data.stdout, data.exit_code], ["late\n", 0]);
});

bothTest("proxmox_vm_exec_command stops the command in the VM on timeout and cancellation", {
  vms: [AGENT],
  clock,
  commandClock: hostClock,
}, async (node) => {
  const command = "echo begun; trap '' TERM; sleep 7124 & sleep 7124";
  const first = call(node, "vm_exec_command", 202, { command, timeout: LIMIT_S });
  await untilRunning(/^sleep 7124/, 2);
  await untilLookedAt(node);
  clock.advance(LIMIT_S * 1_000);
  const timedOut = await first;
  assert.equal(failure(timedOut)[0], "timeout");
  const { stdout, process_ended, timeout_reached } = timedOut.data;
  assert.deepEqual([stdout, process_ended, timeout_reached], ["begun\n", true, true]);
  await node.newCalls();
  const controller = new AbortController();
  const second = node.call("proxmox_vm_exec_command", { vmid: 202, command }, {
    signal: controller.signal,
  });
  await untilRunning(/^sleep 7124/, 2);
  await untilLookedAt(node);
  controller.abort();
  const cancelled = await second;
  assert.equal(failure(cancelled)[0], "cancelled");
  assert.deepEqual([cancelled.data.cancelled, cancelled.data.process_ended], [true, true]);
  assert.deepEqual(processesLike(/sleep 7124/), []);
});

nodeTest("proxmox_vm_exec_command cuts long output", {
  vms: [AGENT],
  limits: { characterLimit: 200 },
}, async (node) => {
  const { data } = await call(node, "vm_exec_command", 202, { command: "seq 1 1000; exit 9" });
  assert.deepEqual([data.exit_code, data.stdout_truncated, data.stdout_original_length], [
    9,
    true,
    3893,
  ]);
  assert.ok(data.stdout.startsWith("1\n2\n") && data.stdout.endsWith("999\n1000\n"));
});

nodeTest("proxmox_vm_exec_command names a VM without an agent and one that is stopped", {
  vms: [WEB, AGENT, { vmid: 203, status: "stopped", agent: true }],
}, async (node) => {
  const of = async (vmid: number) =>
    failure(await call(node, "vm_exec_command", vmid, { command: "true" }));
  assert.equal((await of(200))[0], "unsupported");
  assert.deepEqual(await of(203), ["invalid_state", "VM 203 is not running"]);
  await node.pve.setFault("agentDown", true);
  assert.match((await of(202))[1], /QEMU guest agent is not running/);
});

nodeTest("proxmox_vm_exec_command says what to allow in an agent that refuses the command", {
  vms: [AGENT],
}, async (node) => {
  for (
    const refusal of [
      "Command guest-exec has been disabled: the command is not allowed",
      "The command guest-exec has been disabled for this instance",
      "The command guest-exec has not been found",
    ]
  ) {
    await node.pve.setFault("agentRefuses", { "guest-exec": refusal });
    const answer = await call(node, "vm_exec_command", 202, { command: "true" });
    assert.deepEqual(failure(answer), [
      "unsupported",
      "The guest agent in VM 202 does not allow guest-exec",
    ]);
    assert.match(answer.data.suggestion, /qemu-ga.*allow-rpcs/);
  }
});

nodeTest("proxmox_vm_exec_command says that a command was started whose result is refused", {
  vms: [AGENT],
}, async (node) => {
  await node.pve.setFault("agentRefuses", {
    "guest-exec-status": "Command guest-exec-status has been disabled",
  });
  const [code, error] = failure(await call(node, "vm_exec_command", 202, { command: "true" }));
  assert.equal(code, "unsupported");
  assert.match(error, /^The command was started in VM 202, .*does not allow guest-exec-status$/);
});

nodeTest("proxmox_vm_exec_command says that a guest without POSIX tools cannot run it", {
  vms: [{ ...AGENT, without: ["env"] }],
}, async (node) => {
  const answer = await call(node, "vm_exec_command", 202, { command: "dir" });
  const [code, error] = failure(answer);
  assert.deepEqual([code, /^VM 202 has no POSIX shell/.test(error)], ["unsupported", true]);
  assert.match(answer.data.suggestion, /powershell\.exe/);
});

nodeTest("proxmox_vm_exec_command does not run an empty command without cat", {
  vms: [{ ...AGENT, without: ["cat"] }],
}, async (node) => {
  const { data } = await call(node, "vm_exec_command", 202, { command: "true" });
  assert.deepEqual([data.exit_code, /cat: not found/.test(data.stderr)], [127, true]);
});

nodeTest("proxmox_vm_exec_command does not claim an end that it cannot see without grep", {
  vms: [{ ...AGENT, without: ["grep"] }],
  clock,
  commandClock: hostClock,
}, async (node) => {
  const command = "sleep 7128";
  const running = call(node, "vm_exec_command", 202, { command, timeout: LIMIT_S });
  await untilRunning(/^sleep 7128/, 1);
  await untilLookedAt(node);
  clock.advance(LIMIT_S * 1_000);
  const answer = await running;
  assert.deepEqual([failure(answer)[0], answer.data.process_ended], ["timeout", false]);
});
