import * as z from "zod";
import { escaped } from "../../errors.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import { idOf, idOutput, targetArgument, targetOf } from "../arguments.ts";
import { type Guest, type GuestKind, guestName, KINDS } from "./guest.ts";
import type { ChangedSettings, GuestSettings, Settings } from "./settings.ts";

/** The tool that changes the configuration of the guests of one kind. */
export const settingsTool = (settings: GuestSettings, kind: GuestKind): Tool =>
  defineTool({
    name: `proxmox_set_${kind}`,
    title: `Change a ${KINDS[kind].noun}'s settings`,
    description: `Change settings of one ${KINDS[kind].longName}; returns them before and after.`,
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      ...targetArgument[kind],
      settings: settingsArgument(kind),
      response_format: unlistedFormat,
    }),
    output: z.object({
      success: z.literal(true),
      ...idOutput[kind],
      before: z.record(z.string(), z.string()),
      after: z.record(z.string(), z.string()),
      pending: z.array(z.string()).describe("Take effect after a restart"),
    }),
    async run(args, context) {
      const guest = { kind, id: idOf(args) };
      const changed = await settings.set(guest, wanted(args.settings), context);
      const { before, after, pending } = changed;
      const data = {
        success: true as const,
        ...targetOf(guest),
        ...{ before: { ...before }, after: { ...after }, pending: [...pending] },
      };
      return { text: format(guest, changed), data };
    },
  });

const EXAMPLES = {
  container: "cores, memory and swap (MiB), description, tags (list), onboot, protection, " +
    "net0 (`bridge=vmbr0,ip=dhcp`; null removes it), …",
  vm: "cores, memory (MiB), description, tags (list), onboot, protection, " +
    "net0 (`virtio,bridge=vmbr0`; null removes it), …",
};

const withoutNul = (text: z.ZodString) =>
  text.refine((given) => !given.includes("\0"), { error: "No NUL" });

const mebibytes = z.number().int().min(0).max(8_388_608).optional();

/** The keys are those of the configuration. */
const settingsArgument = (kind: GuestKind) =>
  z.object({
    cores: z.number().int().min(1).max(8192).optional(),
    memory: mebibytes,
    swap: mebibytes,
    description: withoutNul(z.string().max(8192)).optional(),
    tags: z.array(z.string().max(100).regex(/^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/)).max(50).optional(),
    onboot: z.boolean().optional(),
    protection: z.boolean().optional(),
  }).catchall(withoutNul(z.string().min(1).max(1000)).nullable())
    .refine(
      (given) => Object.keys(given).every((key) => KEYS[kind].test(key)),
      { error: `Only these can be set: ${EXAMPLES[kind]}` },
    ).meta({ sketched: true, description: EXAMPLES[kind] });

const KEYS = {
  container: /^(?:cores|memory|swap|description|tags|onboot|protection|net\d|net[12]\d|net3[01])$/,
  vm: /^(?:cores|memory|description|tags|onboot|protection|net\d|net[12]\d|net3[01])$/,
};

type Given = z.output<ReturnType<typeof settingsArgument>>;

function wanted({ tags, description, onboot, protection, ...plain }: Given): Settings {
  const values = {
    ...plain,
    description: orNull(description),
    tags: orNull(tags?.join(";")),
    onboot: flag(onboot),
    protection: flag(protection),
  };
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, value === null ? null : String(value)]]
    ),
  );
}

const flag = (value: boolean | undefined): string | undefined =>
  value === undefined ? undefined : value ? "1" : "0";

/** An empty text removes the key. */
const orNull = (text: string | undefined): string | null | undefined => text === "" ? null : text;

function format(guest: Guest, { before, after, pending }: ChangedSettings): string {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const value = (values: Readonly<Record<string, string>>, key: string) =>
    values[key] ?? "(not set)";
  return [
    `[SUCCESS] ${guestName(guest)} changed`,
    ...keys.map((key) =>
      escaped(
        `${key}: ${value(before, key)} -> ${value(after, key)}` +
          (pending.includes(key) ? " (after a restart)" : ""),
      )
    ),
  ].join("\n");
}
