import assert from "node:assert/strict";
import { helpText } from "../../src/cli/help.ts";
import { type Variable, VARIABLES } from "../../src/config/variables/variables.ts";
import { pure } from "../support/pure.ts";

pure("helpText() has every variable with its default and help", () => {
  const lines = helpText().split("\n");
  for (const { name, shown, help } of Object.values<Variable<unknown>>(VARIABLES)) {
    const line = lines.find((each) => each.startsWith(`  ${name} `));
    assert.ok(line?.includes(help), name);
    if (shown !== "") assert.ok(line?.endsWith(`(default: ${shown})`), name);
  }
});

pure("helpText() has every command and option", () => {
  for (const word of ["doctor", "permissions", "--help, -h", "--version, -v", "--env-file PATH"]) {
    assert.ok(helpText().includes(`  ${word}`) || helpText().includes(`exec ${word}`), word);
  }
});
