import * as z from "zod";
import { printable } from "../../errors.ts";
import { longOutput } from "../../mcp/long_calls.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import {
  goesOn,
  idOf,
  idOutput,
  targetArgument,
  targetOf,
  taskTimeoutArgument,
} from "../arguments.ts";
import { guestInText, type GuestKind, guestName, KINDS } from "../guests/guest.ts";
import { isRunning } from "../host.ts";
import type { Destruction } from "./destruction.ts";

/** The tools that destroy a guest. */
export const destroyTools = (destruction: Destruction): Tool[] => [
  destroyTool(destruction, "container"),
  destroyTool(destruction, "vm"),
];

const destroyTool = (destruction: Destruction, kind: GuestKind): Tool =>
  defineTool({
    name: `proxmox_destroy_${kind}`,
    title: `Destroy a ${KINDS[kind].noun}`,
    description:
      `Destroy a stopped ${
        KINDS[kind].longName
      } with its disks and snapshots, forever. Backups stay. ` +
      "Ask the user first.",
    effect: "destroys",
    input: z.strictObject({
      ...targetArgument[kind],
      confirm_name: z.string().max(255).describe("The guest's name"),
      purge: z.boolean().default(false).describe("Also from backup, replication and HA jobs"),
      timeout: taskTimeoutArgument(3600).meta({ unlisted: true }),
      response_format: unlistedFormat,
    }),
    output: longOutput(z.object({
      success: z.literal(true),
      message: z.string(),
      ...idOutput[kind],
      left: z.array(z.string()).describe("What still exists of it, e.g. backups"),
      warnings: z.array(z.string()).optional().meta({ unlisted: true }),
    })),
    async run(args, context) {
      const guest = { kind, id: idOf(args) };
      const { confirm_name: confirmName, purge, timeout } = args;
      const order = { guest, confirmName, purge, timeoutMs: timeout * 1000 };
      const destroyed = await destruction.destroy(order, context);
      if (isRunning(destroyed)) {
        const action = `Destroying ${guestInText(guest)}`;
        const answer = goesOn(action, destroyed, `proxmox_list_${kind}s`);
        return { text: answer.text, data: { ...answer.data, ...targetOf(guest) } };
      }
      const { left, warnings } = destroyed;
      const message = `${guestName(guest)} destroyed`;
      return {
        text: [
          `[SUCCESS] ${message}`,
          ...left.map((each) => `Left: ${printable(each)}`),
          ...warnings.map((warning) => `[WARNING] ${printable(warning)}`),
        ].join("\n"),
        data: {
          success: true as const,
          message,
          ...targetOf(guest),
          left: [...left],
          ...(warnings.length === 0 ? {} : { warnings: [...warnings] }),
        },
      };
    },
  });
