import assert from "node:assert/strict";
import { isSet, shownValue } from "../../src/config/environment.ts";
import { pure } from "../support/pure.ts";

pure("isSet() takes an empty value and a placeholder that nobody filled in for no value", () => {
  for (
    const value of [
      undefined,
      "",
      "${user_config.key}",
      " ${user_config.key} ",
      "${user_config.dir}/sub",
      "${user_config.a}:${user_config.b}",
      "${input:key}",
      "${HOST}",
    ]
  ) assert.equal(isSet(value), false, value);
  for (const value of ["x", "$HOST", "a${b}c", "${HOME}/.ssh/id", "p${", "$2y$10$x", "{x}"]) {
    assert.equal(isSet(value), true, value);
  }
});

pure("shownValue() hides what may hold a password or a token", () => {
  for (const value of ["/home/me/id", "C:\\keys\\id", "https://h/x", "localhost:3000", "::1"]) {
    assert.equal(shownValue(value), `"${value}"`);
  }
  for (
    const value of [
      "u:p@h",
      "https://h/?token=1",
      "https://h/#t",
      "u:p%40h",
      "a\nb",
      "u:p",
      "u:1p:h",
      "https://u:p/",
    ]
  ) {
    assert.equal(shownValue(value), "a value that is not shown", value);
  }
  assert.equal(shownValue("x".repeat(201)), "a value that is not shown");
});

pure("shownValue() hides what looks like a password", () => {
  for (
    const value of ["hunter2", "S3cretPw", "correct-horse!", "Tr0ub4dor", "aB3/x+9=!", "pa55word"]
  ) {
    assert.equal(shownValue(value), "a value that is not shown", value);
  }
  for (
    const value of [
      "ssh",
      "30000",
      "30s",
      "10.5 MB",
      "id_ed25519",
      "~/.ssh/id_ed25519",
      "/srv/files-2026/a b",
      "web1.example.com",
      "10.0.0.5:22",
      "key2.pem",
      "--verbose",
      "/etc/passwd",
    ]
  ) assert.equal(shownValue(value), `"${value}"`);
});
