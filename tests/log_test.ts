import assert from "node:assert/strict";
import { RemoteExecError } from "../src/errors.ts";
import { createLateLogger, createLogger, redactor } from "../src/log.ts";
import { pure } from "./support/pure.ts";

function logged(level: "debug" | "info" | "warn" | "error", secrets: string[] = []) {
  const lines: string[] = [];
  return { lines, logger: createLogger(level, secrets, (line) => lines.push(line)) };
}

pure("createLogger() skips what is below its level", () => {
  const { lines, logger } = logged("warn");
  logger.debug("a");
  logger.info("b");
  logger.warn("c");
  logger.error("d");
  assert.deepEqual(lines, ["[warn] c\n", "[error] d\n"]);
});

pure("createLogger() replaces secrets in messages, causes and stacks", () => {
  const { lines, logger } = logged("debug", ["correct horse"]);
  logger.error("login with correct horse", new Error("correct horse is wrong"));
  logger.warn("x", "correct horse");
  assert.equal(lines.some((line) => line.includes("correct horse")), false);
  assert.match(lines[0] ?? "", /^\[error\] login with \[redacted\]: Error: \[redacted\] is wrong/);
});

pure("createLogger() names the code of a known error and shows stacks for debugging only", () => {
  const known = new RemoteExecError("timeout", "too late", "Wait");
  const info = logged("info");
  info.logger.error("call", known);
  info.logger.error("call", new Error("defect"));
  assert.deepEqual(info.lines, ["[error] call: timeout: too late\n", "[error] call: defect\n"]);
  const debug = logged("debug");
  debug.logger.error("call", new Error("defect"));
  assert.match(debug.lines[0] ?? "", /\n {4}at /);
});

pure("createLogger() writes one line about a cause, whatever its text contains", () => {
  const { lines, logger } = logged("info");
  logger.warn("call", new Error("a\n[error] forged\x1b[2J"));
  logger.warn("call", "a\n[error] forged\x1b[2J");
  const line = "[warn] call: a\\n[error] forged\\x1b[2J\n";
  assert.deepEqual(lines, [line, line]);
});

pure("createLogger() replaces a secret that the end of a long cause would cut", () => {
  const { lines, logger } = logged("info", ["correct horse"]);
  logger.warn("call", new Error(`${"x".repeat(493)}correct horse`));
  assert.doesNotMatch(lines.join(""), /corr/);
});

pure("redactor() replaces all of a secret that contains another one", () => {
  const redact = redactor(["pass", "password1"]);
  assert.equal(redact("password1 and pass"), "[redacted] and [redacted]");
});

pure("redactor() ignores very short secrets, which would match everything", () => {
  assert.equal(redactor(["a"])("banana"), "banana");
});

pure("createLateLogger() uses the level and the secrets that it gets later", () => {
  const lines: string[] = [];
  const logger = createLateLogger((line) => lines.push(line));
  const { debug } = logger;
  debug("unseen");
  logger.info("before");
  logger.configure("debug", ["hunter2"]);
  debug("the password is hunter2");
  assert.deepEqual(lines, ["[info] before\n", "[debug] the password is [redacted]\n"]);
});
