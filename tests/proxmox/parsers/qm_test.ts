import assert from "node:assert/strict";
import fc from "../../support/property.ts";
import { RemoteExecError } from "../../../src/errors.ts";
import { parseAgentAnswer, parseVmList } from "../../../src/proxmox/parsers/qm.ts";
import { pure } from "../../support/pure.ts";

const id = fc.integer({ min: 100, max: 999_999_999 });
const word = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9.-]{0,60}$/);

pure("parseVmList() parses the output of qm list", () => {
  const row = fc.record({
    vmid: id,
    name: fc.oneof(word, id.map((number) => `VM ${number}`)),
    status: fc.constantFrom("running", "stopped", "paused"),
    memoryMb: fc.integer({ min: 16, max: 4_000_000 }),
    bootDiskGb: fc.integer({ min: 0, max: 1_000_000 }).map((value) => value / 100),
    pid: fc.option(fc.integer({ min: 1, max: 4_194_304 }), { nil: undefined }),
  });
  fc.assert(fc.property(fc.array(row), (rows) => {
    const lines = rows.map((vm) =>
      `${String(vm.vmid).padStart(10)} ${vm.name.padEnd(20)} ${vm.status.padEnd(10)} ` +
      `${String(vm.memoryMb).padEnd(10)} ${vm.bootDiskGb.toFixed(2).padStart(12)} ` +
      `${String(vm.pid ?? 0).padEnd(10)}\n`
    );
    const header =
      "      VMID NAME                 STATUS     MEM(MB)    BOOTDISK(GB) PID       \n";
    const expected = rows.map(({ pid, ...rest }) => pid === undefined ? rest : { ...rest, pid });
    assert.deepEqual(parseVmList(header + lines.join("")), expected);
  }));
});

pure("parseAgentAnswer() decodes any text that was encoded twice", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.integer(), (text, exitcode) => {
    fc.pre(text.isWellFormed());
    const bytes = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte));
    const json = JSON.stringify({ exited: 1, exitcode, "out-data": bytes.join("") }, null, 3);
    const answer = parseAgentAnswer(`${json}\n`);
    assert.deepEqual([answer.exited, answer.exitCode, answer.stdout], [true, exitcode, text]);
  }));
});

pure("parseAgentAnswer() parses signals, a running process and truncated output", () => {
  assert.equal(parseAgentAnswer('{"exited":1,"signal":15}').signal, "TERM");
  assert.deepEqual(parseAgentAnswer('{"pid":12}'), {
    pid: 12,
    exited: false,
    exitCode: null,
    signal: null,
    stdout: "",
    stderr: "",
    truncated: { stdout: false, stderr: false },
  });
  const cut = parseAgentAnswer('{"exited":true,"exitcode":0,"out-truncated":1,"out-data":"x"}');
  assert.deepEqual(cut.truncated, { stdout: true, stderr: false });
  for (const text of ["", "no json", "[]"]) {
    assert.throws(() => parseAgentAnswer(text), RemoteExecError);
  }
});
