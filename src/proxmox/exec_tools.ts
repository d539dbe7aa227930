import { z } from "zod";
import type { Limits } from "../config/config.ts";
import { commandArgument } from "../mcp/arguments.ts";
import { defineTool, responseFormat, type Tool } from "../mcp/tool.ts";
import { execAnswer, execOutput, formatExec, type HostName } from "../ssh/outcome.ts";
import type { ExecOutcome } from "../ssh/port.ts";
import { endingError } from "../ssh/service.ts";
import { ctidArgument, execTimeoutArgument, vmidArgument } from "./arguments.ts";
import type { ContainerExec } from "./container_exec.ts";
import type { MachineExec } from "./machine_exec.ts";

/** The tools that run commands in guests. */
export const execTools = (
  containers: ContainerExec,
  machines: MachineExec,
  limits: Limits,
  host: HostName,
): Tool[] => [
  defineTool({
    name: "proxmox_container_exec_command",
    title: "Run a command in a container",
    description:
      "Run one shell command as root in a running LXC container and wait for it to end: with bash where the " +
      "container has it, else with sh, without a terminal and with stdin at its end. A non-zero exit code is a " +
      "result, not an error. On timeout or cancellation its processes in the container are stopped and the " +
      "output so far is returned.",
    effect: "destroys",
    input: z.strictObject({
      ctid: ctidArgument,
      command: commandArgument.describe("Shell command, for example `df -h /`"),
      timeout: execTimeoutArgument(limits),
      response_format: responseFormat,
    }),
    output: execOutput.extend({ ctid: z.number().int() }),
    async run({ ctid, command, timeout }, context) {
      const timeoutMs = timeout * 1000;
      const outcome = await containers.run(ctid, { command, timeoutMs, ...context });
      return answer({ ctid }, command, outcome, timeoutMs, host);
    },
  }),
  defineTool({
    name: "proxmox_vm_exec_command",
    title: "Run a command in a VM",
    description:
      "Run one shell command as root in a running Linux VM through the QEMU guest agent and wait for it to end. " +
      "A non-zero exit code is a result, not an error. The agent hands out the output when the command has ended; " +
      "on timeout or cancellation it is ended first.",
    effect: "destroys",
    input: z.strictObject({
      vmid: vmidArgument,
      command: commandArgument.describe("Shell command, for example `systemctl --failed`"),
      timeout: execTimeoutArgument(limits),
      response_format: responseFormat,
    }),
    output: execOutput.extend({ vmid: z.number().int() }),
    async run({ vmid, command, timeout }, context) {
      const timeoutMs = timeout * 1000;
      const outcome = await machines.run(vmid, { command, timeoutMs, ...context });
      return answer({ vmid }, command, outcome, timeoutMs, host);
    },
  }),
];

function answer<Id extends { ctid: number } | { vmid: number }>(
  id: Id,
  command: string,
  outcome: ExecOutcome,
  timeoutMs: number,
  host: HostName,
) {
  const data = { ...execAnswer(command, outcome, host), ...id };
  const failure = endingError(outcome, timeoutMs);
  const [[name, value] = []] = Object.entries(id);
  const text = `${formatExec(data)}\n${name === "ctid" ? "Container" : "VM"}: ${value}`;
  return { text, data, ...(failure === undefined ? {} : { failure }) };
}
