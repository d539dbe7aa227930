import { type Command, COMMANDS, COMMON_OPTIONS, ENV_FILE, type Option } from "../commands.ts";
import { type Completed, LIST_HOSTS, operandOf, optionsOf, valueOf } from "./words.ts";

/** Returns the completions for fish 3 or later. */
export function fishCompletions(): string {
  const names = COMMANDS.flatMap(({ name, aliases }) => [name, ...aliases]);
  // fish's own __fish_use_subcommand takes the value of --env-file for a command.
  const begin = quoted(`not __fish_seen_subcommand_from ${names.join(" ")}`);
  const lines = [
    "# fish completions for mcp-remote-exec",
    "complete -c mcp-remote-exec -f",
    ...[...COMMON_OPTIONS, ENV_FILE].map((option) => line(begin, option)),
    ...COMMANDS.map(({ name, summary }) =>
      `complete -c mcp-remote-exec -n ${begin} -a ${name} -d ${quoted(summary)}`
    ),
    ...COMMANDS.flatMap(ofCommand),
  ];
  return `${lines.join("\n")}\n`;
}

function ofCommand(command: Command): string[] {
  const names = [command.name, ...command.aliases].join(" ");
  const condition = quoted(`__fish_seen_subcommand_from ${names}`);
  const operand = argument(operandOf(command));
  return [
    ...optionsOf(command).map((option) => line(condition, option)),
    ...(operand === "" ? [] : [`complete -c mcp-remote-exec -n ${condition}${operand}`]),
  ];
}

function line(condition: string, option: Option): string {
  const { name, short, help } = option;
  const value = valueOf(option);
  const takes = value === undefined
    ? ""
    : value.kind === "files"
    ? " -r -F"
    : ` -x${argument(value)}`;
  const form = `-l ${name}${short === undefined ? "" : ` -s ${short}`}`;
  return `complete -c mcp-remote-exec -n ${condition} ${form}${takes} -d ${quoted(help)}`;
}

function argument(completed: Completed): string {
  switch (completed.kind) {
    case "words":
    case "beginnings":
      return ` -a ${quoted(completed.words.join(" "))}`;
    case "hosts":
      return ` -a ${quoted(`(${LIST_HOSTS})`)}`;
    default:
      return "";
  }
}

const quoted = (text: string): string =>
  `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
