import assert from "node:assert/strict";
import fc from "../../support/property.ts";
import {
  parseConfig,
  parseContainerList,
  parseHaRequest,
  parseStatus,
  parseWarnings,
} from "../../../src/proxmox/parsers/pct.ts";
import { pure } from "../../support/pure.ts";

const id = fc.integer({ min: 100, max: 999_999_999 });
const word = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9.-]{0,60}$/);

/** Source: pve-container 94f5585 src/PVE/CLI/pct.pm:1057-1072. */
const pctRow = (...[vmid, status, lock, name]: readonly [string, string, string, string]) =>
  `${vmid.padEnd(10)} ${status.padEnd(10)} ${lock.padEnd(12)} ${name.padEnd(20)}\n`;

pure("parseContainerList() parses the output of pct list", () => {
  const row = fc.record({
    ctid: id,
    status: fc.constantFrom("running", "stopped"),
    name: word,
    lock: fc.option(
      fc.constantFrom("backup", "snapshot", "snapshot-delete", "mounted", "migrate"),
      { nil: undefined },
    ),
  });
  fc.assert(fc.property(fc.array(row), (rows) => {
    const lines = rows.map(({ ctid, status, lock = "", name }) =>
      pctRow(String(ctid), status, lock, name)
    );
    const expected = rows.map(({ lock, ...rest }) => lock === undefined ? rest : { ...rest, lock });
    const text = pctRow("VMID", "Status", "Lock", "Name") + lines.join("");
    assert.deepEqual(parseContainerList(text), expected);
  }));
});

pure(
  "parseContainerList() returns no rows for empty output, and keeps a blank name when the container is locked",
  () => {
    assert.deepEqual(parseContainerList(""), []);
    assert.deepEqual(parseContainerList(pctRow("101", "running", "backup", "")), [
      { ctid: 101, status: "running", name: "", lock: "backup" },
    ]);
  },
);

pure("parseStatus() returns the status, or undefined without one", () => {
  assert.equal(parseStatus("status: running\n"), "running");
  assert.equal(parseStatus("WARN: x\nstatus: prelaunch\n"), "prelaunch");
  assert.equal(parseStatus("running\n"), undefined);
});

pure("parseConfig() decodes the description and separates raw lines", () => {
  const text = "arch: amd64\ndescription: my%0At%C3%A9st%0A\nnet0: name=eth0,hwaddr=BC:24\n" +
    "lxc.cap.drop: mknod\nlxc.cap.drop: sys_time\n";
  assert.deepEqual(parseConfig(text), {
    options: { arch: "amd64", description: "my\ntést", net0: "name=eth0,hwaddr=BC:24" },
    raw: ["lxc.cap.drop: mknod", "lxc.cap.drop: sys_time"],
  });
  assert.equal(parseConfig("description: 100%\n").options.description, "100%");
});

pure("parseHaRequest() and parseWarnings() find their lines in a task's output", () => {
  assert.equal(parseHaRequest("Requesting HA start for CT 101\n"), "start");
  assert.equal(parseHaRequest("Requesting HA stop for VM 200\n"), "stop");
  assert.equal(parseHaRequest(""), undefined);
  assert.deepEqual(parseWarnings("x\nWARN: one\nWARN: two \n"), ["one", "two"]);
});
