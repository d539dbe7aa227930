import * as z from "zod";

/** A shell command of at most 10,000 characters. NUL is refused: no program argument can contain it. */
export const commandArgument = z.string().min(1).max(10_000)
  .refine((command) => command.trim() !== "", { error: "Command cannot be empty" })
  .refine((command) => !command.includes("\0"), { error: "Command cannot contain NUL" })
  .describe("Max 10,000 characters, e.g. `df -h /`");

/** Whether root does it. The argument exists only with SUDO or SUDO_PASSWORD. */
const sudoArgument = z.boolean().optional();

/** The same, for tools whose schema lists only what is needed. */
const unlistedSudoArgument = sudoArgument.meta({ unlisted: true });

/** Returns the argument, if root can be reached, for the fields of a schema. */
export const sudoField = (hasSudo: boolean): { sudo?: typeof sudoArgument } =>
  hasSudo ? { sudo: sudoArgument } : {};

/** Returns the argument for a tool that accepts it and does the same without it. */
export const unlistedSudoField = (hasSudo: boolean): { sudo?: typeof sudoArgument } =>
  hasSudo ? { sudo: unlistedSudoArgument } : {};

/** Reports whether the caller wants root. */
export const wantsRoot = (args: object): boolean => "sudo" in args && args.sudo === true;

/** A path of at most 4,096 characters. */
export const pathArgument = z.string().min(1).max(4096);

/** A file on the SSH host. */
export const hostPathArgument = pathArgument.describe(
  "E.g. /etc/app/app.conf; relative paths and ~ start in the login directory",
);

/** A file on the SSH host, or in the container that `ctid` names. */
export const remotePathArgument = pathArgument.describe(
  "On the host or in ctid's container, e.g. /etc/app/app.conf",
);

/** Whether an existing file may be replaced. */
export const overwriteArgument = z.boolean().default(false).describe(
  "Replace an existing file",
);

/** The number of a guest. Source: pve-common src/PVE/JSONSchema.pm:63-75, `[1-9][0-9]{2,8}`. */
export const guestId = z.number().int().min(100).max(999_999_999);

/** The container that a tool works on. */
export const ctidArgument = guestId.describe("Container ID");

/** A container, for a tool whose description has no room: the name says what it is. */
export const plainCtidArgument = guestId.optional();

/** The virtual machine that a tool works on. */
export const vmidArgument = guestId.describe("Virtual machine ID");

/** A guest of either kind. */
export const guestArgument = guestId.describe("Container or VM ID");

/** The container that holds the path of a tool that also works without a container. */
export const pathCtidArgument = guestId.optional().describe(
  "Container of the path; default: the host",
);

/** Seconds that a command may run. @param defaultMs the configured TIMEOUT */
export const commandTimeoutArgument = (defaultMs: number) =>
  z.number().int().min(1).max(300).default(defaultMs / 1000)
    .describe(
      "Seconds until it is stopped, connecting included",
    );

/** A file on the machine that the server runs on. */
export const localPathArgument = pathArgument.describe(
  "In WORKING_DIRECTORY, relative or absolute, e.g. report.pdf",
);

const octalDigits = z.number().int().min(0).max(777)
  .refine((value) => /^[0-7]+$/.test(String(value)), {
    error: (issue) =>
      `Invalid octal permission value: ${issue.input}. Each digit must be 0-7. ` +
      "Common values: 644 (rw-r--r--), 755 (rwxr-xr-x), 600 (rw-------), 700 (rwx------)",
  });

/**
 * An octal mode written as a decimal number, like 644, or as a text, like "0644". A number is refused if
 * it looks like the decimal value of a mode, as 420 is of 0644; with a leading zero a text is always octal.
 */
export const octalMode = z.preprocess((given, { issues }) => {
  if (typeof given === "string" && /^0o?[0-7]{1,3}$/.test(given)) {
    return Number(given.replace("o", ""));
  }
  const value = typeof given === "string" && /^\d{1,3}$/.test(given) ? Number(given) : given;
  if (typeof value === "number" && isUnusualMode(value)) {
    issues.push({ code: "custom", input: given, message: unusualMode(value) });
  }
  return value;
}, octalDigits);

/** The mode of the written file. @param newFile how a new file gets its mode without it */
export const permissionsArgument = (newFile: string) =>
  octalMode.optional().describe(
    `Octal digits, e.g. 644; default: as the replaced file, or ${newFile}`,
  );

/** Modes whose decimal value could be taken for octal digits, and vice versa. */
const COMMON_MODES = [0o777, 0o775, 0o770, 0o755, 0o750, 0o700, 0o666, 0o664, 0o660, 0o644, 0o640]
  .concat(0o600, 0o555, 0o550, 0o500, 0o444, 0o440, 0o400);

/** The value is that of a common mode, or its digits allow others what they refuse to the owner. */
function isUnusualMode(value: number): boolean {
  if (COMMON_MODES.includes(value)) return true;
  if (!/^[0-7]{1,3}$/.test(String(value))) return false; // refused with its own message
  const bits = modeBits(value);
  return ((bits >> 3 | bits) & ~(bits >> 6) & 7) !== 0;
}

function unusualMode(value: number): string {
  const example = COMMON_MODES.includes(value) ? value.toString(8) : "644";
  return `Unusual permission value: ${value}. Write the octal digits as for chmod, for example ${example}` +
    ` or "0${example}"; if you mean 0${formatMode(value)}, write "0${formatMode(value)}"`;
}

/** Returns the mode for octal digits written as a decimal number: 0o644 for 644. */
export const modeBits = (mode: number): number => Number.parseInt(String(mode), 8);

/** Returns the digits with leading zeros, for answers: "044" for 44. */
export const formatMode = (mode: number): string => String(mode).padStart(3, "0");
