import assert from "node:assert/strict";
import { faultsOf } from "../support/config.ts";
import { pure } from "../support/pure.ts";

pure("loadConfig() shows no secret that was set in another variable as well", () => {
  const password = "correct-horse-battery";
  const faults = faultsOf({
    SSH_PASSWORD: password,
    HOST: `${password}!`,
    TOOLS: password,
    SSH_KEY: `/keys/${password}`,
  });
  const text = JSON.stringify(faults);
  assert.match(text, /HOST must be a host name.*: got a value that is not shown/);
  assert.match(text, /SSH key file not found: \/keys\/\[redacted\]/);
  assert.match(text, /TOOLS names .*\[redacted\]/);
  assert.equal(text.includes(password), false, text);
});

/** Passwords that people type into the wrong variable, where no other variable has them. */
const TYPED = ["hunter2", "correcthorse", "S3cretPw!", "swordfish", "qwerty-asdf", "12 34 56 ab"];

pure("loadConfig() shows no password that was typed into a variable for numbers or words", () => {
  const names = ["SSH_PORT", "TIMEOUT", "MAX_FILE_SIZE", "LOG_LEVEL", "READ_ONLY", "SSH_GUARD"];
  for (const name of names) {
    for (const value of TYPED) {
      const [fault] = faultsOf({ [name]: value });
      assert.match(
        fault?.message ?? "",
        new RegExp(`^${name} must be .*: got a value that is not shown$`),
      );
    }
  }
});

pure("loadConfig() shows no password that was typed into a variable for a name or a path", () => {
  const names = ["HOST", "SSH_USERNAME", "SSH_KEY", "WORKING_DIRECTORY", "BASE_URL", "AUDIT_LOG"];
  for (const name of names) {
    const text = JSON.stringify(faultsOf({ [name]: "S3cret/Pw!" }));
    assert.match(text, new RegExp(name));
    assert.doesNotMatch(text, /S3cret/);
  }
});

pure("loadConfig() shows no short secret and none in lower case", () => {
  const short = faultsOf({ SSH_PASSWORD: "abc", SSH_PORT: "abc" });
  assert.match(JSON.stringify(short), /got a value that is not shown/);
  const lower = faultsOf({ SSH_PASSWORD: "CorrectHorse", TOOLS: "CorrectHorse" });
  assert.match(JSON.stringify(lower), /TOOLS names .*\[redacted\]/);
});
