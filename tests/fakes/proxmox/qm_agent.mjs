/** `qm guest exec`: a command in a VM through its agent. Source: qm.pm:963-1055, Agent.pm:125-181. */
import { spawn } from "node:child_process";
import { Buffer } from "node:buffer";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { agentInterfaces } from "./addresses.mjs";
import { err, fail, out } from "./cli.mjs";
import { enter, findProgram } from "./namespace.mjs";
import { fault, findGuest, guestDirectory, isRunning, missingText, sleep } from "./state.mjs";

const MAX_INPUT = 1024 * 1024;

/** The status of qm is 0 whatever the guest's command answered. */
export async function guestExec(
  { vmid, "extra-args": command, timeout = 30, synchronous, "pass-stdin": pass },
) {
  const vm = agentOf(vmid, "guest-exec");
  if (command.length === 0 && pass !== 1) fail("command or input-data (or both) required");
  const input = pass === 1 ? await readInput() : Buffer.alloc(0);
  if (input.length > MAX_INPUT) fail("'input-data' exceeds 1 MiB");
  if (findProgram(vm, command[0]) !== 0) {
    fail(
      `Agent error: Guest agent command failed, error was 'Failed to execute child process ` +
        `“${command[0]}” (No such file or directory)'`,
    );
  }
  refuseWide(vm, command);
  const pid = launch(vm, command, input);
  if (synchronous === 0) return printJson({ pid });
  const deadline = Date.now() + timeout * 1000;
  for (;;) {
    const result = readResult(vm, pid);
    if (result.exited === 1) return printJson(result);
    if (timeout > 0 && Date.now() >= deadline) break;
    await sleep(10);
  }
  err("timeout reached, returning pid\n");
  printJson({ pid });
}

/** `qm guest cmd ID COMMAND`; the result without its `result`. */
export function guestCommand({ vmid, command }) {
  const vm = findGuest("qemu", vmid) ?? fail(missingText("qemu", vmid), 2);
  // A VM without processes here has an agent where its configuration says so.
  if (!vm.hasProcess && !/^(1|enabled=1)/.test(String(vm.config.agent ?? ""))) {
    fail("No QEMU guest agent configured");
  }
  if (!isRunning(vm)) fail(`VM ${vmid} is not running`);
  if (fault("agentDown")) fail("QEMU guest agent is not running");
  if (command !== "network-get-interfaces") fail(`the stand-in has no 'qm guest cmd ${command}'`);
  printJson(agentInterfaces(vm));
}

export function guestExecStatus({ vmid, pid }) {
  const vm = agentOf(vmid, "guest-exec-status");
  if (!fs.existsSync(folder(vm, pid))) {
    fail(`Agent error: Invalid parameter 'pid'`);
  }
  printJson(readResult(vm, pid));
}

async function readInput() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/**
 * Arguments are characters here and counted as bytes when they are written, so the agent never gets its
 * line to the end. Source: qemu-server e6352be src/PVE/QMPClient.pm; IO::Multiplex 1.16 `mux_write`.
 */
function refuseWide(vm, words) {
  // deno-lint-ignore no-control-regex
  if (words.every((word) => /^[\x00-\x7f]*$/.test(word))) return;
  fail(`VM ${vm.id} qmp command 'guest-exec' failed - got timeout`);
}

function agentOf(vmid, command) {
  const vm = findGuest("qemu", vmid) ?? fail(missingText("qemu", vmid), 2);
  if (!vm.hasProcess) fail("No QEMU guest agent configured");
  if (!isRunning(vm)) fail(`VM ${vmid} is not running`);
  if (fault("agentDown")) fail("QEMU guest agent is not running");
  const refusal = fault("agentRefuses")?.[command];
  if (refusal !== undefined) fail(`Agent error: ${refusal}`);
  return vm;
}

const folder = (vm, pid) => path.join(guestDirectory(vm.id), "agent", String(pid));

/** A process that outlives this one and leaves the result where exec-status finds it. */
function launch(vm, command, input) {
  const base = path.join(guestDirectory(vm.id), "agent");
  fs.mkdirSync(base, { recursive: true });
  const pid = claimPid(vm, 1000 + fs.readdirSync(base).length);
  fs.writeFileSync(path.join(folder(vm, pid), "in"), input);
  const words = [process.argv[1], "internal", "agent", String(vm.id), String(pid), ...command];
  spawn(process.execPath, [...process.execArgv, ...words], {
    detached: true,
    stdio: "ignore",
    cwd: "/",
  }).unref();
  return pid;
}

/** Returns the first free pid: another call may start a process at the same moment. */
function claimPid(vm, pid) {
  try {
    fs.mkdirSync(folder(vm, pid));
    return pid;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    return claimPid(vm, pid + 1);
  }
}

/** The body of that process. */
export async function agentRun(vm, [pid, ...command]) {
  const file = (name, flags) => fs.openSync(path.join(folder(vm, pid), name), flags);
  const [program, ...args] = [...enter(vm, "/"), ...command];
  const child = spawn(program, args, {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin" },
    stdio: [file("in", "r"), file("out", "w"), file("err", "w")],
  });
  const ended = await new Promise((resolve) => {
    child.on(
      "exit",
      (code, signal) =>
        resolve(signal === null ? { exitcode: code } : { signal: os.constants.signals[signal] }),
    );
  });
  const done = path.join(folder(vm, pid), "done");
  fs.writeFileSync(`${done}.new`, JSON.stringify(ended));
  fs.renameSync(`${done}.new`, done);
}

function readResult(vm, pid) {
  const read = (name) => fs.readFileSync(path.join(folder(vm, pid), name), "latin1");
  if (!fs.existsSync(path.join(folder(vm, pid), "done"))) return { exited: 0 };
  const [stdout, stderr] = [read("out"), read("err")];
  return {
    ...JSON.parse(read("done")),
    exited: 1,
    ...(stdout === "" ? {} : { "out-data": stdout }),
    ...(stderr === "" ? {} : { "err-data": stderr }),
  };
}

/** Perl's pretty JSON. The bytes of the output count as Latin-1: UTF-8 comes out encoded twice. */
function printJson(value) {
  if (Array.isArray(value)) {
    const keys = [...new Set(value.flatMap((one) => JSON.stringify(one).match(/"[\w-]+"(?=:)/g)))];
    const names = keys.map((key) => JSON.parse(key)).sort();
    return out(`${JSON.stringify(value, names, 3).replace(/^( *"[^"]*"):/gm, "$1 :")}\n`);
  }
  const lines = Object.keys(value).sort().map((key) =>
    `   "${key}" : ${JSON.stringify(value[key])}`
  );
  out(`{\n${lines.join(",\n")}\n}\n`);
}
