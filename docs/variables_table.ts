import { type Variable, VARIABLES } from "../src/config/variables/variables.ts";

/** Returns README.md with its table of variables replaced by the current one. */
export function withVariablesTable(readme: string): string {
  const rows = Object.values<Variable<unknown>>(VARIABLES).map(({ name, shown, help, aliases }) => {
    const also = aliases.map((alias) => ` (also \`${alias}\`)`).join("");
    return `| \`${name}\` | ${shown === "" ? "–" : `\`${shown}\``} | ${help}${also} |`;
  });
  const table = ["| variable | default | meaning |", "| --- | --- | --- |", ...rows].join("\n");
  return readme.replace(/^\| variable .*(\n\|.*)*/m, table);
}
