import { type Variable, VARIABLES } from "../src/config/variables/variables.ts";

const HEAD =
  `# Configuration of mcp-remote-exec. Copy this file, run \`chmod 600\` on the copy and pass it with --env-file.
# A copy named .env in the current directory is read without the option, but only if the environment sets neither
# HOST nor I_ACCEPT_RISKS. Variables of the environment take precedence over this file.
# Variables after # are not set; the value shown is the default, if there is one.
# A comment behind a value needs a blank before its #; quote a value that contains a blank and #.
`;

/** Returns the text of .env.example, made from the table of variables. */
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
    ...(secret ? ["Secret: never shown in a message, log line or answer"] : []),
  ];
  const value = name === "HOST" ? "server.example.org" : fallback === undefined ? "" : shown;
  const isSet = group === "Required";
  return [...notes.map((note) => `# ${note}`), `${isSet ? "" : "#"}${name}=${value}`];
}
