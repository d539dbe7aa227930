import { type Group, type Variable, VARIABLES } from "../config/variables/variables.ts";

/** Returns what `--help` prints. The variables come from the table in config/variables/variables.ts. */
export function helpText(): string {
  const groups = new Map<Group, Variable<unknown>[]>();
  for (const variable of Object.values<Variable<unknown>>(VARIABLES)) {
    groups.set(variable.group, [...groups.get(variable.group) ?? [], variable]);
  }
  const sections = [...groups].map(([group, variables]) =>
    `${group}:\n${variables.map(line).join("\n")}`
  );
  return `${USAGE}\nEnvironment variables:\n\n${sections.join("\n\n")}\n`;
}

const USAGE = `mcp-remote-exec: an MCP server that gives an AI assistant a remote machine over SSH

Usage:
  mcp-remote-exec                  serve on stdio (started by an MCP client)
  mcp-remote-exec doctor           check configuration, connection, login, commands and SFTP
  mcp-remote-exec permissions      print what each worker may access with this configuration
  mcp-remote-exec --help, -h       print this text (also: help)
  mcp-remote-exec --version, -v    print the version (also: version, -V)

Options:
  --env-file PATH                  read variables from PATH; the environment takes precedence

Without --env-file, .env in the current directory is read, but only if the environment sets neither HOST
nor I_ACCEPT_RISKS, and file and directory belong to you and are not writable by others.
`;

function line({ name, shown, help }: Variable<unknown>): string {
  return `  ${name.padEnd(29)} ${help}${shown === "" ? "" : ` (default: ${shown})`}`;
}
