import assert from "node:assert/strict";
import fc from "../../../support/property.ts";
import { formatMeta, JobRecords, parseStatus } from "../../../../src/ssh/worker/jobs/records.ts";
import { pure } from "../../../support/pure.ts";
import { anyCharacter } from "../../../support/code_points.ts";

const ID = "0123456789abcdef".repeat(2);

function recordsOf(...lines: string[]) {
  const records = new JobRecords();
  for (const line of lines) records.add(line);
  return records.jobs;
}

pure("JobRecords reads a job that its script printed", () => {
  const meta = formatMeta({ command: "tail -f ü", maxRuntimeMs: 5_000, name: "n", ctid: 101 });
  const lines = [
    `J ${ID} exited 3 - 1700000010 9 - 1200  `,
    "A 1700000000 boot 100 .",
    `M ${meta}`,
  ];
  assert.deepEqual(recordsOf(...lines, "Z 7 2", "T 1700000020 2200"), [{
    ...{ id: ID, name: "n", command: "tail -f ü", ctid: 101, state: "exited" },
    ...{ startedAtMs: 1_700_000_000_000, runtimeMs: 11_000, exitCode: 3, signal: null },
    ...{ stdoutBytes: 7, stderrBytes: 2, droppedBytes: 2, maxRuntimeMs: 5_000 },
  }]);
  const running = [`J ${ID} running`, "A 1700000000 boot - .", `M ${meta}`, "Z 0 0"];
  assert.equal(recordsOf(...running, "T 1700000020 -")[0]?.runtimeMs, 20_000);
});

pure("JobRecords trusts only directories that nobody else may enter, and sorts by start", () => {
  const job = (digit: string, up: number) => [
    `J ${digit.repeat(32)} running`,
    `A 1700000000 boot ${up} .`,
    `M {"command":"x"}`,
  ];
  const listed = (mode: string, name: string, size = 4_096) =>
    `${mode} 2 1000 1000 ${size} Nov 28 18:00 ${name}`;
  const jobs = recordsOf(
    ...[...job("a", 300), ...job("b", 200), ...job("c", 100)],
    listed("drwx------", "a".repeat(32)),
    listed("-rw-------", `${"a".repeat(32)}/stdout`, 12),
    listed("-rw-------", `${"a".repeat(32)}/stderr`, 34),
    listed("drwx------.", "b".repeat(32)),
    listed("drwxr-xr-x", "c".repeat(32)),
    "noise of any kind",
    "T 1700000020 2200",
  );
  assert.deepEqual(
    jobs.map(({ id, stdoutBytes, stderrBytes }) => [id[0], stdoutBytes, stderrBytes]),
    [
      ["b", 0, 0],
      ["a", 12, 34],
    ],
  );
});

pure("JobRecords survives a record that was changed", () => {
  const [job] = recordsOf(
    `J ${ID} exited 0 - 999999999999999 0 0 -`,
    "A 999999999999999 boot - .",
    `M {"command":7,"name":"${"n".repeat(200)}","ctid":1.5,"vmid":1e400,"maxRuntimeMs":1e300}`,
    "Z 0 0",
  );
  assert.deepEqual([job?.startedAtMs, job?.runtimeMs, job?.maxRuntimeMs], [0, 0, 0]);
  assert.deepEqual([job?.command, job?.name, job?.ctid, job?.vmid], [
    ...["", "n".repeat(100), undefined, undefined],
  ]);
});

pure("formatMeta() is one line of ASCII, whatever the texts are", () => {
  fc.assert(fc.property(fc.string({ unit: anyCharacter }), fc.string(), (command, name) => {
    const line = formatMeta({ command, name, maxRuntimeMs: 1 });
    assert.match(line, /^[ -~]+$/);
    const [job] = recordsOf(`J ${ID} running`, "A 1 b 1 .", `M ${line}`, "Z 0 0");
    assert.equal(job?.command, Array.from(command).slice(0, 1_000).join(""));
    assert.equal(job?.name, Array.from(name).slice(0, 100).join(""));
  }));
});

pure("parseStatus() never fails", () => {
  assert.equal(parseStatus(["odd"]).state, "lost");
  assert.deepEqual(parseStatus([]).state, "lost");
  assert.deepEqual(parseStatus(["exited", "137", "KILL"]).exitCode, null);
  assert.deepEqual(parseStatus(["exited", "1e3", "a;b"]).exitCode, null);
  fc.assert(fc.property(fc.array(fc.string()), (words) => {
    const { exitCode } = parseStatus(words);
    assert.ok(exitCode === null || Number.isInteger(exitCode));
  }));
});
