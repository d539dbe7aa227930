import * as z from "zod";
import { escaped, printable } from "../../errors.ts";
import { longOutput } from "../../mcp/long_calls.ts";
import type { ToolAnswer } from "../../mcp/tool.ts";
import { goesOn, idOutput, targetOf } from "../arguments.ts";
import { guestInText, type GuestKind, guestName, KINDS } from "../guests/guest.ts";
import { isRunning } from "../host.ts";
import type { GuestInTheMaking, MadeGuest } from "./maker.ts";

/** The output of a tool that makes a guest of a kind. */
export const madeOutput = (kind: GuestKind) =>
  longOutput(z.object({
    success: z.literal(true),
    message: z.string(),
    ...idOutput[kind],
    status: z.string().describe("running, stopped, …"),
    addresses: z.array(z.string()),
    config: z.record(z.string(), z.string()).meta({ unlisted: true }),
    warnings: z.array(z.string()).optional().meta({ unlisted: true }),
  }));

/** @param done past form, as in "Container 105 created" */
export function madeAnswer(
  made: MadeGuest | GuestInTheMaking,
  done: string,
  more: readonly string[] = [],
): ToolAnswer<Record<string, unknown>> {
  const { guest } = made;
  if (isRunning(made)) {
    const noun = KINDS[guest.kind].noun;
    const answer = goesOn(
      `${guestName(guest)} is being ${done}: its command`,
      made,
      `proxmox_${guest.kind}_config; the job does not start the ${noun}, proxmox_start_${guest.kind} does`,
    );
    return { text: answer.text, data: { ...answer.data, ...targetOf(guest) } };
  }
  const { config, status, addresses, failure, start } = made;
  const starting = start &&
    goesOn(`Starting ${guestInText(guest)}`, start, `proxmox_${guest.kind}_status`);
  const warnings = [...made.warnings, ...more];
  const message = `${guestName(guest)} ${done}`;
  const data = {
    success: true as const,
    message,
    ...targetOf(guest),
    status,
    addresses: [...addresses],
    config: { ...config },
    ...(warnings.length === 0 ? {} : { warnings }),
    ...starting?.data,
  };
  const text = [
    failure === undefined ? `[SUCCESS] ${message}` : message,
    `Status: ${printable(status)}${
      addresses.length === 0 ? "" : `, ${printable(addresses.join(", "))}`
    }`,
    ...Object.entries(config).map(([key, value]) => `${escaped(key)}: ${escaped(value)}`),
    ...warnings.map((warning) => `[WARNING] ${printable(warning)}`),
    ...(starting === undefined ? [] : [starting.text]),
  ].join("\n");
  return { text, data, ...(failure === undefined ? {} : { failure }) };
}
