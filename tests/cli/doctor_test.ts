import assert from "node:assert/strict";
import { formatCheck } from "../../src/cli/doctor.ts";
import { sshConfigChecks } from "../../src/cli/local_checks.ts";
import { configOf, fakeMachine } from "../support/config.ts";
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

pure("sshConfigChecks() names the host of each value where there are several", () => {
  const file = "/home/me/.ssh/config";
  const config = "Host web1\n  HostName 10.0.0.1\n  ProxyJump gw\nHost gw\n  User g\n" +
    "Host web2\n  Port 2200\n";
  const machine = fakeMachine({ texts: { [file]: config } });
  const env = { HOST: undefined, SSH_PASSWORD: undefined, SSH_AUTH_SOCK: "/run/agent.sock" };
  const linesFor = (HOSTS: string) =>
    sshConfigChecks(configOf({ ...env, HOSTS }, machine)).map(formatCheck);
  assert.deepEqual(linesFor("web1,web2"), [
    `ok   web1: jump host gw: User g (${file}:5)\n`,
    `ok   web1: SSH configuration: HostName 10.0.0.1 (${file}:2); ProxyJump gw (${file}:3)\n`,
    `ok   web2: SSH configuration: Port 2200 (${file}:7)\n`,
  ]);
  assert.deepEqual(linesFor("web2"), [`ok   SSH configuration: Port 2200 (${file}:7)\n`]);
});

pure("formatCheck() lets no worker and no host steer the terminal", () => {
  const text = "a\x1b[2Jb\u009b1mc\u202ed\r\nsecond line";
  const line = formatCheck({ host: text, step: text, ok: false, detail: text, remedy: text });
  assert.doesNotMatch(line.replaceAll("\n", ""), /[\p{Cc}\u202e]/u);
  assert.ok(line.endsWith("     -> a\\x1b[2Jb\\x9b1mc\\u202ed\\r\nsecond line\n"), line);
});
