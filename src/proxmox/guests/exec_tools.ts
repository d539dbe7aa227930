import { z } from "zod";
import type { Limits } from "../../config/config.ts";
import { commandArgument, commandTimeoutArgument } from "../../mcp/arguments.ts";
import { defineTool, responseFormat, type Tool } from "../../mcp/tool.ts";
import { execAnswer, execOutput, formatExec, type HostName } from "../../ssh/outcome.ts";
import { endingError } from "../../ssh/service.ts";
import { idOf, idOutput, targetArgument, targetOf } from "../arguments.ts";
import { type GuestExec, type GuestKind, KINDS } from "./guest.ts";

const DESCRIPTIONS = {
  container: {
    text:
      "Run one shell command as root in a running LXC container and wait for it to finish. It runs in bash, or " +
      "in sh where bash is missing, without a TTY; stdin is empty. A non-zero exit code is a result, not an " +
      "error. On timeout or cancellation the command's processes in the container are stopped, and the answer " +
      "has the output so far.",
    example: "df -h /",
  },
  vm: {
    text:
      "Run one shell command as root in a running Linux VM through the QEMU guest agent and wait for it to " +
      "finish. A non-zero exit code is a result, not an error. The agent returns output only when the command " +
      "has ended; on timeout or cancellation the command is stopped first.",
    example: "systemctl --failed",
  },
};

/** The tool that runs commands in the guests of one kind. */
export const execTool = (
  kind: GuestKind,
  exec: GuestExec,
  limits: Limits,
  host: HostName,
): Tool =>
  defineTool({
    name: `proxmox_${kind}_exec_command`,
    title: `Run a command in a ${KINDS[kind].noun}`,
    description: DESCRIPTIONS[kind].text,
    effect: "destroys",
    input: z.strictObject({
      ...targetArgument[kind],
      command: commandArgument.describe(
        `Shell command, for example \`${DESCRIPTIONS[kind].example}\``,
      ),
      timeout: commandTimeoutArgument(limits.timeoutMs),
      response_format: responseFormat,
    }),
    output: z.object({ ...execOutput.shape, ...idOutput[kind] }),
    async run(args, context) {
      const guest = { kind, id: idOf(args) };
      const { command, timeout } = args;
      const timeoutMs = timeout * 1000;
      const outcome = await exec.run(guest.id, { command, timeoutMs, ...context });
      const data = { ...execAnswer(command, outcome, host), ...targetOf(guest) };
      const failure = endingError(outcome, timeoutMs);
      const text = formatExec(data, [`${KINDS[kind].title}: ${guest.id}`]);
      return { text, data, ...(failure === undefined ? {} : { failure }) };
    },
  });
