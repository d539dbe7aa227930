import assert from "node:assert/strict";
import { formatCheck } from "../../src/cli/doctor.ts";
import { pure } from "../support/pure.ts";

pure("formatCheck() writes one line, and the remedy below it where there is one", () => {
  assert.equal(
    formatCheck({ step: "TCP", ok: true, detail: "h:22 answers" }),
    "ok   TCP: h:22 answers\n",
  );
  assert.equal(
    formatCheck({ step: "TCP", ok: false, detail: "no answer", remedy: "Check HOST" }),
    "FAIL TCP: no answer\n     -> Check HOST\n",
  );
});

pure("formatCheck() names the host where there are several", () => {
  const check = { host: "web1", step: "TCP", ok: true, detail: "h:22 answers" };
  assert.equal(formatCheck(check), "ok   web1: TCP: h:22 answers\n");
});

pure("formatCheck() lets no worker and no host steer the terminal", () => {
  const text = "a\x1b[2Jb\u009b1mc\u202ed\r\nsecond line";
  const line = formatCheck({ host: text, step: text, ok: false, detail: text, remedy: text });
  assert.doesNotMatch(line.replaceAll("\n", ""), /[\p{Cc}\u202e]/u);
  assert.ok(line.endsWith("     -> a\\x1b[2Jb\\x9b1mc\\u202ed\\r\nsecond line\n"), line);
});
