import { basename } from "node:path";
import { PACKAGE } from "../../version.ts";

/** How a client starts this server. */
export interface StartCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** What the command depends on. */
export interface RunningProgram {
  readonly os: typeof Deno.build.os;
  /** The compiled program, not Deno. */
  readonly isCompiled: boolean;
  /** Path of the executable, or of Deno. */
  readonly executable: string;
  /** The source tree. */
  readonly sourceTree: string;
  readonly denoVersion: string;
}

/**
 * Returns the command that starts the running program again. What npx has downloaded may be gone tomorrow, so then
 * it is npx itself.
 */
export function startCommand(program: RunningProgram): StartCommand {
  const { isCompiled, executable, sourceTree, denoVersion, os } = program;
  // npm, pnpm and bun, each in a directory of its own.
  const isFromNpx = /[\\/](_npx|dlx)[\\/]|[\\/]bunx-/.test(executable);
  if (isCompiled) {
    return isFromNpx ? npx([PACKAGE], os) : { command: executable, args: [] };
  }
  const task = ["task", "--quiet", "--cwd", sourceTree, "start"];
  return isFromNpx
    ? npx([`deno@${denoVersion}`, ...task], os)
    : { command: executable, args: task };
}

/** Windows starts a `.cmd` only through its shell. */
const npx = (args: readonly string[], os: RunningProgram["os"]): StartCommand =>
  os === "windows"
    ? { command: "cmd", args: ["/c", "npx", "-y", ...args] }
    : { command: "npx", args: ["-y", ...args] };

/** Reports whether an entry of a client's file starts this program, from wherever. */
export function startsThisProgram(entry: unknown, start: StartCommand): boolean {
  const { command, args } = commandIn(entry);
  if (command === undefined) return false;
  if (command === start.command && args.join("\0") === start.args.join("\0")) return true;
  if (PROGRAM.test(basename(command.replaceAll("\\", "/")))) return true;
  const isRunner = /^(npx|npx\.cmd|cmd|cmd\.exe|bunx|deno|deno\.exe)$/i
    .test(basename(command.replaceAll("\\", "/")));
  return isRunner && args.some((word) => PROGRAM.test(basename(word.replaceAll("\\", "/"))));
}

/** `mcp-remote-exec`, with a version or the name of a system behind it. */
const PROGRAM = /^mcp-remote-exec([-_@][\w.@-]*)?(\.exe)?$/i;

/** Older entries of Zed have the command in an object. */
function commandIn(entry: unknown): { command: string | undefined; args: readonly string[] } {
  if (!isObject(entry)) return { command: undefined, args: [] };
  const { command } = entry;
  if (isObject(command)) return commandIn({ command: command["path"], args: command["args"] });
  const args = Array.isArray(entry["args"]) ? entry["args"].map(String) : [];
  return { command: typeof command === "string" ? command : undefined, args };
}

/** Reports whether a parsed JSON value is an object. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
