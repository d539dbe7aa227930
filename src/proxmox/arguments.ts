import { z } from "zod";
import { ctidArgument, vmidArgument } from "../mcp/arguments.ts";
import type { Guest } from "./guests/guest.ts";

/** The argument that names a guest of each kind, to be spread into a tool's input. */
export const targetArgument = {
  container: { ctid: ctidArgument },
  vm: { vmid: vmidArgument },
};

/** The same field in a tool's output. */
export const idOutput = {
  container: { ctid: z.number().int() },
  vm: { vmid: z.number().int() },
};

/** A guest as arguments and answers name it. */
type Target = { readonly ctid: number } | { readonly vmid: number };

export const idOf = (target: Target): number => "ctid" in target ? target.ctid : target.vmid;

export const targetOf = ({ kind, id }: Guest): Target =>
  kind === "container" ? { ctid: id } : { vmid: id };

/** Seconds that a change may take, the wait for HA included. */
export const changeTimeoutArgument = z.number().int().min(1).max(3600).default(120)
  .describe("Seconds to wait for the change, also if HA carries it out; for example 120");

/** Seconds that a guest gets to shut down. */
export const graceTimeoutArgument = z.number().int().min(1).max(3600).default(60)
  .describe("Seconds that the guest gets to shut down, for example 60");

/** Seconds that a long task may take. */
export const taskTimeoutArgument = (seconds: number) =>
  z.number().int().min(1).max(86_400).default(seconds)
    .describe(`Seconds before the task is stopped, for example ${seconds}`);

export const forceStopArgument = z.boolean().default(false)
  .describe("true kills the guest when the timeout is over; false leaves it running");

/** Source: pve-guest-common src/PVE/AbstractConfig.pm, `configid` of at most 40 characters. */
export const snapshotArgument = z.string().max(40).regex(/^[A-Za-z][A-Za-z0-9_-]+$/, {
  error: "A snapshot name has 2 to 40 characters: a letter, then letters, digits, _ and -",
}).describe("Name of the snapshot, for example before_upgrade");

/** Source: pve-common src/PVE/JSONSchema.pm, storage ids. */
export const storageArgument = z.string().max(100).regex(/^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]$/, {
  error:
    "A storage name is a letter, then letters, digits, dots, _ and -, and ends in a letter or digit",
});
