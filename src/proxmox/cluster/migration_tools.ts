import * as z from "zod";
import { longOutput } from "../../mcp/long_calls.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import {
  changeAnswer,
  goesOn,
  idOf,
  idOutput,
  nodeArgument,
  storageArgument,
  targetArgument,
  taskTimeoutArgument,
} from "../arguments.ts";
import { guestInText, type GuestKind, guestName, KINDS } from "../guests/guest.ts";
import { isRunning } from "../host.ts";
import type { Migration } from "./migration.ts";

const flag = z.boolean().default(false);

const runningArgument: Readonly<
  Record<GuestKind, { restart?: typeof flag; online?: typeof flag }>
> = {
  container: { restart: flag.describe("Of a running one: shut down, move, start") },
  vm: { online: flag.describe("Move a running one without a stop") },
};

/** The tool that moves guests of one kind to another node of the cluster. */
export const migrationTool = (migration: Migration, kind: GuestKind): Tool =>
  defineTool({
    name: `proxmox_migrate_${kind}`,
    title: `Migrate a ${KINDS[kind].noun}`,
    description: `Move one ${KINDS[kind].longName} of this node to another node of the cluster.`,
    effect: "destroys",
    input: z.strictObject({
      ...targetArgument[kind],
      target: nodeArgument.describe("Cluster node"),
      ...runningArgument[kind],
      storage: storageArgument.optional().describe("On the target; default: same names"),
      timeout: taskTimeoutArgument(21_600).meta({ unlisted: true }),
      response_format: unlistedFormat,
    }),
    output: longOutput(z.object({
      success: z.literal(true),
      message: z.string(),
      ...idOutput[kind],
      node: z.string().describe("Where it is now"),
      by_ha: z.literal(true).optional(),
      warnings: z.array(z.string()).optional().meta({ unlisted: true }),
    })),
    async run({ target, restart, online, storage, timeout, ...rest }, context) {
      const guest = { kind, id: idOf(rest) };
      const movesRunning = restart === true || online === true;
      const order = { target, movesRunning, storage, timeoutMs: timeout * 1000 };
      const migrated = await migration.migrate(guest, order, context);
      if (isRunning(migrated)) {
        const action = `Migrating ${guestInText(guest)} to ${target}`;
        return goesOn(action, migrated, "proxmox_resource_usage");
      }
      const { from, node } = migrated;
      const message = `${guestName(guest)} migrated from ${from} to ${node}`;
      const { text, data } = changeAnswer(message, guest, migrated);
      return { text, data: { ...data, node } };
    },
  });
