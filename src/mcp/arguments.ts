import { z } from "zod";

/** A shell command of at most 10,000 characters. NUL is refused: no program argument can contain it. */
export const commandArgument = z.string().min(1).max(10_000)
  .refine((command) => command.trim() !== "", { error: "Command cannot be empty" })
  .refine((command) => !command.includes("\0"), { error: "Command cannot contain NUL" });

/** A path of at most 4,096 characters. */
export const pathArgument = z.string().min(1).max(4096);

/** Whether an existing file may be replaced. */
export const overwriteArgument = z.boolean().default(false).describe(
  "true replaces an existing file; until the new one is complete and verified the old one stays",
);

/** Number of a container or VM. Source: pve-common src/PVE/JSONSchema.pm:63-75, `[1-9][0-9]{2,8}`. */
export const guestArgument = z.number().int().min(100).max(999_999_999);

/** An octal mode written as a decimal number, like 644; each digit 0 to 7. */
export const octalMode = z.number().int().min(0).max(777)
  .refine((value) => /^[0-7]+$/.test(String(value)), {
    error: (issue) =>
      `Invalid octal permission value: ${issue.input}. Each digit must be 0-7. ` +
      "Common values: 644 (rw-r--r--), 755 (rwxr-xr-x), 600 (rw-------), 700 (rwx------)",
  });

/** Returns the mode for octal digits written as a decimal number: 0o644 for 644. */
export const modeBits = (mode: number): number => Number.parseInt(String(mode), 8);

/** Returns the digits with leading zeros, for answers: "044" for 44. */
export const formatMode = (mode: number): string => String(mode).padStart(3, "0");
