import { type Variable, VARIABLES } from "../src/config/variables.ts";

const HEAD =
  `# Configuration of mcp-remote-exec. Copy it to .env in the directory that the server is started in,
# or name it with --env-file. Variables of the environment win over this file.
# A line that begins with # is not set; the value behind it is the default where there is one.
`;

/** What .env.example has to hold, made from the table of variables. */
export function envExample(): string {
  let group = "";
  const lines = Object.values<Variable<unknown>>(VARIABLES).flatMap((variable) => {
    const heading = variable.group === group ? [] : ["", `# === ${variable.group} ===`];
    group = variable.group;
    return [...heading, "", ...rowOf(variable)];
  });
  return `${HEAD}${lines.join("\n")}\n`;
}

function rowOf({ name, shown, fallback, help, aliases, secret, group }: Variable<unknown>) {
  const notes = [
    help,
    ...(fallback === undefined && shown !== "" ? [`Default: ${shown}`] : []),
    ...(aliases.length > 0 ? [`Also read as ${aliases.join(", ")}`] : []),
    ...(secret ? ["Secret: it appears in no message, log line or answer"] : []),
  ];
  const value = name === "HOST" ? "server.example.org" : fallback === undefined ? "" : shown;
  const isSet = group === "Required";
  return [...notes.map((note) => `# ${note}`), `${isSet ? "" : "#"}${name}=${value}`];
}
