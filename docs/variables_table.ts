import { type Variable, VARIABLES } from "../src/config/variables/variables.ts";

const variables = Object.values<Variable<unknown>>(VARIABLES);

/** Returns docs/variables.md with its table of variables replaced by the current one. */
export function withVariablesTable(page: string): string {
  const rows = variables.map(({ name, shown, help, aliases }) => {
    const also = aliases.map((alias) => ` (also \`${alias}\`)`).join("");
    return `| \`${name}\` | ${shown === "" ? "–" : `\`${shown}\``} | ${help}${also} |`;
  });
  const table = ["| variable | default | meaning |", "| --- | --- | --- |", ...rows].join("\n");
  return page.replace(/^\| variable .*(\n\|.*)*/m, () => table);
}

/** Returns README.md with the names of the current variables by group. */
export function withVariableNames(readme: string): string {
  const groups = Map.groupBy(variables, ({ group }) => group);
  const rows = [...groups].map(([group, members]) =>
    `| ${group} | ${members.map(({ name }) => `\`${name}\``).join(", ")} |`
  );
  const table = ["| group | variables |", "| --- | --- |", ...rows].join("\n");
  return readme.replace(/^\| group .*(\n\|.*)*/m, () => table);
}
