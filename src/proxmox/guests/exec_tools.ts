import * as z from "zod";
import type { Limits } from "../../config/config.ts";
import { commandArgument, commandTimeoutArgument } from "../../mcp/arguments.ts";
import { shortHost } from "../../mcp/words.ts";
import { defineTool, responseFormat, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import {
  commandRules,
  execAnswer,
  execOutput,
  formatExec,
  type HostName,
} from "../../ssh/outcome.ts";
import { endingError } from "../../ssh/service.ts";
import { idOf, idOutput, targetArgument, targetOf } from "../arguments.ts";
import { type GuestExec, type GuestKind, KINDS } from "./guest.ts";

/** Where a command runs. */
const PLACES = {
  container: (host: string) => `a running LXC container of ${host} (in bash, else sh)`,
  vm: (host: string) => `a running Linux VM of ${host} through its guest agent`,
};

/** The agent's output is not kept: it is complete in its answer. */
const OUTPUTS = { container: execOutput, vm: execOutput.omit({ output_id: true }) };

/** The tool that runs commands in the guests of one kind. */
export const execTool = (
  kind: GuestKind,
  exec: GuestExec,
  limits: Limits,
  host: HostName,
  answerWithinMs: number,
): Tool =>
  defineTool({
    name: `proxmox_${kind}_exec_command`,
    title: `Run a command in a ${KINDS[kind].noun}`,
    description: `Run one shell command as root in ${PLACES[kind](shortHost(host.host))} and ` +
      `wait for it. ${commandRules(limits, answerWithinMs)}`,
    effect: "destroys",
    input: z.strictObject({
      ...targetArgument[kind],
      command: commandArgument,
      timeout: commandTimeoutArgument(limits.timeoutMs),
      response_format: kind === "container" ? responseFormat : unlistedFormat,
    }),
    output: z.object({ ...OUTPUTS[kind].shape, ...idOutput[kind] }),
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
