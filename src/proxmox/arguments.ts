import * as z from "zod";
import { printable } from "../errors.ts";
import { ctidArgument, vmidArgument } from "../mcp/arguments.ts";
import type { StillRunning } from "../mcp/long_calls.ts";
import type { ToolAnswer } from "../mcp/tool.ts";
import type { Guest } from "./guests/guest.ts";
import type { RunningTask } from "./host.ts";
import { isUpid } from "./parsers/tasks.ts";

/** The argument that names a guest of each kind, to be spread into a tool's input. */
export const targetArgument = {
  container: { ctid: ctidArgument },
  vm: { vmid: vmidArgument },
};

/** The same field in a tool's output. */
export const idOutput = {
  container: { ctid: z.number().int().meta({ unlisted: true }) },
  vm: { vmid: z.number().int().meta({ unlisted: true }) },
};

/** A guest as arguments and answers name it. */
type Target = { readonly ctid: number } | { readonly vmid: number };

export const idOf = (target: Target): number => "ctid" in target ? target.ctid : target.vmid;

export const targetOf = ({ kind, id }: Guest): Target =>
  kind === "container" ? { ctid: id } : { vmid: id };

/** Seconds that a change may take, the wait for HA included. */
export const changeTimeoutArgument = z.number().int().min(1).max(3600).default(120)
  .describe("Seconds to wait, also for HA");

/** Seconds that a guest gets to shut down. */
export const graceTimeoutArgument = z.number().int().min(1).max(3600).default(60)
  .describe("Seconds for the guest to shut down");

/** The answer of a tool whose task goes on as a job. @param check the tool that shows the result afterwards */
export function goesOn(
  action: string,
  { jobId, readsBack }: RunningTask,
  check: string,
): ToolAnswer<StillRunning> {
  const result = readsBack
    ? `: its output ends with the result as read back, which ${check} shows too`
    : `, then check the result with ${check}`;
  return {
    text: `[RUNNING] ${action} continues on the host as job ${jobId}; it was not interrupted.\n` +
      `Call ssh_job_output (job_id ${jobId}, wait_seconds 45, from = \`next\` of the last call) until the job ` +
      `has ended${result}. If its exit code is not 0, the reason is in this output or in stream stderr. ` +
      "ssh_stop_job stops the job.",
    data: { running: true, job_id: jobId },
  };
}

/** The answer of a tool whose change HA may have carried out. */
export function changeAnswer(
  message: string,
  guest: Guest,
  { byHa, warnings }: { readonly byHa: boolean; readonly warnings: readonly string[] },
) {
  const data = {
    success: true as const,
    message,
    ...targetOf(guest),
    ...(byHa ? { by_ha: true as const } : {}),
    ...(warnings.length === 0 ? {} : { warnings: [...warnings] }),
  };
  const lines = [
    `[SUCCESS] ${message}`,
    ...(byHa ? ["Carried out by HA"] : []),
    ...warnings.map((warning) => `[WARNING] ${printable(warning)}`),
  ];
  return { text: lines.join("\n"), data };
}

/** Seconds that a long task may take. */
export const taskTimeoutArgument = (seconds: number) =>
  z.number().int().min(1).max(86_400).default(seconds)
    .describe("Seconds until the task is stopped");

export const forceStopArgument = z.boolean().default(false)
  .describe("Kill the guest after the timeout");

/** Source: pve-guest-common src/PVE/AbstractConfig.pm, `configid` of at most 40 characters. */
export const snapshotArgument = z.string().max(40).regex(/^[A-Za-z][A-Za-z0-9_-]+$/, {
  error: "A snapshot name has 2 to 40 characters: a letter, then letters, digits, _ and -",
}).describe("Letters, digits, _ and -, e.g. before_upgrade");

/** A node of the cluster. Source: pve-common src/PVE/JSONSchema.pm, `pve-node`: one label of a DNS name. */
export const nodeArgument = z.string().max(63).regex(
  /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/,
  { error: "A node name has letters, digits and -" },
);

/** The ID of a task. */
export const upidArgument = z.string().max(500).refine(isUpid, {
  error: "A task ID has the form UPID:NODE:PID:PSTART:STARTTIME:TYPE:ID:USER:",
}).describe("From proxmox_list_tasks");

/** Source: pve-common src/PVE/JSONSchema.pm, storage ids. */
export const storageArgument = z.string().max(100).regex(/^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]$/, {
  error:
    "A storage name is a letter, then letters, digits, dots, _ and -, and ends in a letter or digit",
});

/** A template on a storage. Source: pve-storage src/PVE/Storage/Plugin.pm, `vztmpl/NAME`. */
export const templateArgument = z.string().max(300).regex(
  /^[A-Za-z][A-Za-z0-9._-]*:vztmpl\/[^\s/]+$/,
  {
    error:
      "A template is a volume ID, such as local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst",
  },
).refine((text) => !text.includes("\0"), { error: "No NUL" })
  .describe("Volume ID from proxmox_list_templates");
