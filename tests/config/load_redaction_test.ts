import assert from "node:assert/strict";
import { faultsOf } from "../support/config.ts";
import { pure } from "../support/pure.ts";

pure("loadConfig() shows no secret that was set in another variable as well", () => {
  const password = "correct-horse-battery";
  const faults = faultsOf({ SSH_PASSWORD: password, HOST: `${password}!`, TOOLS: password });
  const text = JSON.stringify(faults);
  assert.match(text, /HOST must be a host name.*\[redacted\]!/);
  assert.match(text, /TOOLS names .*\[redacted\]/);
  assert.equal(text.includes(password), false, text);
});
