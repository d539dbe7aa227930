import { type Group, type Variable, VARIABLES } from "../config/variables/variables.ts";
import {
  type Command,
  commandOf,
  COMMANDS,
  COMMON_OPTIONS,
  ENV_FILE,
  type Option,
} from "./commands.ts";

/**
 * Returns what `help` and `--help` print. Without a topic it fits a terminal of 80 columns and 24 lines.
 *
 * @param topic a command or one of TOPICS
 */
export function helpText(topic?: string): string {
  if (topic === "variables") return variablesText();
  const command = topic === undefined ? undefined : commandOf(topic);
  return command === undefined ? overview() : about(command);
}

const overview = (): string =>
  `mcp-remote-exec: an MCP server that gives an AI remote machines over SSH

Usage: mcp-remote-exec [COMMAND] [OPTIONS]

Commands:
${COMMANDS.map((command) => row(usageOf(command), command.summary, 20)).join("\n")}

Options:
${[ENV_FILE, ...COMMON_OPTIONS].map((option) => row(formOf(option), option.help, 20)).join("\n")}

Required variables: I_ACCEPT_RISKS=true and HOST
All variables:      mcp-remote-exec help variables
First steps:        mcp-remote-exec trust HOST, install HOST, then doctor
`;

function about(command: Command): string {
  const { name, aliases, summary, options, more } = command;
  const shown = [...options, ...COMMON_OPTIONS.slice(0, 1)];
  const rows = shown.map((option) =>
    row(formOf(option), option.name === "help" ? "print this text" : option.help, 28)
  );
  const others = aliases.length === 0 ? "" : `Also: ${aliases.join(", ")}\n`;
  return [
    `mcp-remote-exec ${name}: ${summary}\n`,
    `Usage: mcp-remote-exec ${usageOf(command)}${
      options.length > 0 ? " [OPTIONS]" : ""
    }\n${others}`,
    `Options:\n${rows.join("\n")}\n`,
    ...(more === "" ? [] : [more]),
  ].join("\n");
}

/** The variables come from the table in config/variables/variables.ts. */
function variablesText(): string {
  const groups = new Map<Group, Variable<unknown>[]>();
  for (const variable of Object.values<Variable<unknown>>(VARIABLES)) {
    groups.set(variable.group, [...groups.get(variable.group) ?? [], variable]);
  }
  const sections = [...groups].map(([group, variables]) =>
    `${group}:\n${variables.map(line).join("\n")}`
  );
  return `${SOURCES}\nEnvironment variables:\n\n${sections.join("\n\n")}\n`;
}

const SOURCES =
  `Variables come from the environment, from the file of --env-file, or from .env in the current directory.
That file is read only if the environment sets neither HOST nor I_ACCEPT_RISKS, and file and directory
belong to you and are not writable by others.
`;

const usageOf = ({ name, operands }: Command): string =>
  operands === "" ? name : `${name} ${operands}`;

const formOf = ({ name, short, value }: Option): string =>
  `--${name}${value === undefined ? "" : ` ${value}`}${short === undefined ? "" : `, -${short}`}`;

const row = (left: string, right: string, width: number): string =>
  `  ${left.padEnd(width)} ${right}`;

function line({ name, shown, help }: Variable<unknown>): string {
  return `  ${name.padEnd(29)} ${help}${shown === "" ? "" : ` (default: ${shown})`}`;
}
