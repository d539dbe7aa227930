import { z } from "zod";
import type { Limits } from "../config/config.ts";
import { guestArgument } from "../mcp/arguments.ts";

export const ctidArgument = guestArgument.describe("Container ID, for example 101");

export const vmidArgument = guestArgument.describe("VM ID, for example 200");

/** Seconds; the default is the configured TIMEOUT. */
export const execTimeoutArgument = (limits: Limits) =>
  z.number().int().min(1).max(300).default(limits.timeoutMs / 1000)
    .describe("Seconds before the command is stopped, connecting included; for example 120");

/** Seconds that a change may take, including a wait of HA. */
export const changeTimeoutArgument = z.number().int().min(1).max(3600).default(120)
  .describe("Seconds to wait for the change, also when HA carries it out; for example 120");

/** Seconds that a guest gets to shut itself down. */
export const graceTimeoutArgument = z.number().int().min(1).max(3600).default(60)
  .describe("Seconds that the guest gets to shut down, for example 60");

/** Seconds for long tasks. */
export const taskTimeoutArgument = (seconds: number) =>
  z.number().int().min(1).max(86_400).default(seconds)
    .describe(`Seconds before the task is stopped, for example ${seconds}`);

export const forceStopArgument = z.boolean().default(false)
  .describe("true kills the guest when the timeout is over; false leaves it running");

/** Source: pve-guest-common src/PVE/AbstractConfig.pm, configid of at most 40 characters. */
export const snapshotArgument = z.string().max(40).regex(/^[A-Za-z][A-Za-z0-9_-]+$/, {
  error: "A snapshot name has 2 to 40 characters: a letter, then letters, digits, _ and -",
}).describe("Name of the snapshot, for example before_upgrade");

/** Source: pve-common src/PVE/JSONSchema.pm, storage ids. */
export const storageArgument = z.string().max(100).regex(/^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]$/, {
  error: "A storage name is a letter, then letters, digits, dots, _ and -",
});
