import * as z from "zod";
import { guestId } from "../../mcp/arguments.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import {
  idOf,
  snapshotArgument,
  storageArgument,
  targetArgument,
  taskTimeoutArgument,
} from "../arguments.ts";
import { type GuestKind, KINDS } from "../guests/guest.ts";
import { madeAnswer, madeOutput } from "./answer.ts";
import type { Cloning } from "./cloning.ts";
import { hostnameArgument } from "./create_tools.ts";
import type { Restoring } from "./restoring.ts";

/** The tools that make a guest from another one or from its backup. */
export const copyTools = (cloning: Cloning, restoring: Restoring): Tool[] => [
  cloneTool(cloning, "container"),
  cloneTool(cloning, "vm"),
  restoreTool(restoring),
];

const cloneTool = (cloning: Cloning, kind: GuestKind): Tool =>
  defineTool({
    name: `proxmox_clone_${kind}`,
    title: `Clone a ${KINDS[kind].noun}`,
    description: `Clone a stopped ${
      KINDS[kind].noun
    }, or a snapshot. May answer early with a job_id.`,
    effect: "changes",
    input: z.strictObject({
      ...targetArgument[kind],
      new_id: guestId.optional(),
      name: hostnameArgument.optional(),
      full: z.boolean().optional().describe("Templates: default false"),
      storage: storageArgument.optional(),
      snapshot: snapshotArgument.optional(),
      timeout: taskTimeoutArgument(3600).meta({ unlisted: true }),
      response_format: unlistedFormat,
    }),
    output: madeOutput(kind),
    async run(args, context) {
      const { new_id: newId, name, full, storage, snapshot, timeout } = args;
      const source = { kind, id: idOf(args) };
      const made = await cloning.clone(
        { source, newId, name, full, storage, snapshot, timeoutMs: timeout * 1000 },
        context,
      );
      return madeAnswer(made, `created as a clone of ${source.id}`);
    },
  });

const restoreTool = (restoring: Restoring): Tool =>
  defineTool({
    name: "proxmox_restore_backup",
    title: "Restore a backup",
    description:
      "Restore a guest as a new one, or over a stopped one, whose disks and snapshots are lost even on failure. " +
      "May answer early with a job_id.",
    effect: "destroys",
    input: z.strictObject({
      backup: z.string().max(1000).regex(/^[A-Za-z][\w.-]*:backup\/[^\s\0]+$/, {
        error: "A backup is a volume ID, such as local:backup/vzdump-lxc-101-….tar.zst",
      }).describe("volid"),
      ctid: guestId.optional(),
      vmid: guestId.optional(),
      storage: storageArgument.optional(),
      overwrite: z.boolean().optional(),
      confirm_name: z.string().max(255).optional().describe(
        "Of the replaced guest",
      ),
      timeout: taskTimeoutArgument(7200).meta({ unlisted: true }),
      response_format: unlistedFormat,
    }),
    output: madeOutput("container").extend({ ctid: guestId.optional(), vmid: guestId.optional() }),
    async run(args, context) {
      const { backup, ctid, vmid, storage, overwrite = false, confirm_name, timeout } = args;
      const made = await restoring.restore({
        ...{ backup, ctid, vmid, storage, overwrite },
        confirmName: confirm_name,
        timeoutMs: timeout * 1000,
      }, context);
      return madeAnswer(made, "restored");
    },
  });
