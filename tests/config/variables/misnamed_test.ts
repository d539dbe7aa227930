import assert from "node:assert/strict";
import { meantVariable, misnamedNames } from "../../../src/config/variables/misnamed.ts";
import { variableNames } from "../../../src/config/variables/environment_names.ts";
import { pure } from "../../support/pure.ts";

const NAMES = variableNames();

pure("meantVariable() knows the names of other programs, in any case", () => {
  for (
    const [typed, meant] of [
      ["SSH_USER", "SSH_USERNAME"],
      ["SSH_HOST", "HOST"],
      ["SSH_KEY_PATH", "SSH_KEY"],
      ["SSH_PRIVATE_KEY", "SSH_KEY"],
      ["SSH_PASS", "SSH_PASSWORD"],
      ["SSH_PASSPHRASE", "SSH_KEY_PASSPHRASE"],
      ["R2_SECRET_ACCESS_KEY", "R2_SECRET_KEY"],
      ["SUDO_PASS", "SUDO_PASSWORD"],
      ["SSH_SUDO", "SUDO"],
      ["ssh_user", "SSH_USERNAME"],
      ["host", "HOST"],
    ] as const
  ) assert.equal(meantVariable(typed, NAMES), meant, typed);
});

pure("meantVariable() finds mistyped names and leaves others alone", () => {
  assert.equal(meantVariable("SSH_USRNAME", NAMES), "SSH_USERNAME");
  assert.equal(meantVariable("WORKING_DIRECTROY", NAMES), "WORKING_DIRECTORY");
  for (const name of ["PORT", "NODE_ENV", "DATABASE_URL", "PATH", "SECRET_KEY"]) {
    assert.equal(meantVariable(name, NAMES), undefined, name);
  }
});

pure("misnamedNames() has no name of a variable, and each one means a variable", () => {
  for (const name of misnamedNames()) {
    assert.equal(NAMES.includes(name), false, name);
    assert.ok(NAMES.includes(meantVariable(name, NAMES) ?? ""), name);
  }
});
