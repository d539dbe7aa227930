import assert from "node:assert/strict";
import { helpText } from "../../src/cli/help.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { type Variable, VARIABLES } from "../../src/config/variables/variables.ts";
import { pure } from "../support/pure.ts";

pure("helpText() on variables has every variable with its default and help", () => {
  const lines = helpText("variables").split("\n");
  for (const { name, shown, help } of Object.values<Variable<unknown>>(VARIABLES)) {
    const line = lines.find((each) => each.startsWith(`  ${name} `));
    assert.ok(line?.includes(help), name);
    if (shown !== "") assert.ok(line?.endsWith(`(default: ${shown})`), name);
  }
});

pure("helpText() has every command and option", () => {
  const words = ["doctor", "permissions", "--help, -h", "--version, -v", "--env-file PATH"];
  for (const word of [...words, ...COMMANDS.map(({ name }) => name)]) {
    assert.ok(helpText().includes(`\n  ${word} `), word);
  }
});

pure("helpText() fits a terminal of 80 columns and 24 lines, with the next prompt", () => {
  const lines = helpText().split("\n");
  assert.ok(lines.length <= 24, `${lines.length} lines`);
  for (const line of lines) assert.ok(line.length < 80, line);
});

for (const { name, options, aliases } of COMMANDS) {
  pure(`helpText() on ${name} has its options and other names, and fits a terminal`, () => {
    const text = helpText(name);
    assert.ok(text.startsWith(`mcp-remote-exec ${name}: `));
    for (const option of options) assert.ok(text.includes(`\n  --${option.name}`), option.name);
    for (const alias of aliases) assert.ok(text.includes(alias), alias);
    const lines = text.split("\n");
    assert.ok(lines.length <= 24, `${lines.length} lines`);
    for (const line of lines) assert.ok(line.length < 80, line);
  });
}
