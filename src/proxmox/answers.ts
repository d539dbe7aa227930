import { z } from "zod";
import type { Changed } from "./lifecycle.ts";

/** What a change of a container's state answers. */
export const containerChanged = z.object({
  success: z.literal(true),
  message: z.string(),
  ctid: z.number().int(),
  by_ha: z.boolean().optional().describe("HA carried it out"),
  warnings: z.array(z.string()).optional(),
});

/** The same for a virtual machine. */
export const machineChanged = containerChanged.omit({ ctid: true }).extend({
  vmid: z.number().int(),
});

/** @param id `{ ctid }` or `{ vmid }` */
export function changedAnswer<Id extends { ctid: number } | { vmid: number }>(
  message: string,
  id: Id,
  { byHa, warnings }: Changed,
) {
  const data = {
    success: true as const,
    message,
    ...id,
    ...(byHa ? { by_ha: true } : {}),
    ...(warnings.length === 0 ? {} : { warnings: [...warnings] }),
  };
  const lines = [
    `[SUCCESS] ${message}`,
    ...(byHa ? ["Carried out by HA"] : []),
    ...warnings.map((warning) => `[WARNING] ${warning}`),
  ];
  return { text: lines.join("\n"), data };
}

/** `2026-05-26T00:16:48Z` of seconds since 1970. */
export const isoTime = (seconds: number): string =>
  new Date(seconds * 1000).toISOString().replace(".000Z", "Z");

/** `1.5 GiB` for people. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
