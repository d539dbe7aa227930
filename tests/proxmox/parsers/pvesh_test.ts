import assert from "node:assert/strict";
import { RemoteExecError } from "../../../src/errors.ts";
import {
  parseResources,
  parseSnapshots,
  parseStorages,
  parseVolumes,
} from "../../../src/proxmox/parsers/pvesh.ts";
import { pure } from "../../support/pure.ts";

pure("parseSnapshots() sorts by time and separates the current state", () => {
  const text = JSON.stringify([
    { name: "second", snaptime: 20, parent: "first", description: "" },
    { name: "current", description: "You are here!", parent: "second", running: 1 },
    { name: "first", snaptime: 10, description: "one\n", snapstate: "delete" },
  ]);
  assert.deepEqual(parseSnapshots(text), {
    snapshots: [
      { name: "first", description: "one", createdAt: 10, state: "delete" },
      { name: "second", description: "", createdAt: 20, parent: "first" },
    ],
    parent: "second",
  });
});

pure("parseSnapshots() keeps the order of a chain that was made within a second", () => {
  const text = JSON.stringify([
    { name: "b", snaptime: 20, parent: "c", vmstate: 0 },
    { name: "a", snaptime: 20, parent: "b", vmstate: "1" },
    { name: "c", snaptime: 20, vmstate: 1 },
    { name: "loop", snaptime: 30, parent: "loop", vmstate: {} },
  ]);
  const { snapshots } = parseSnapshots(text);
  assert.deepEqual(snapshots.map(({ name, includesRam }) => [name, includesRam]), [
    ["c", true],
    ["b", undefined],
    ["a", true],
    ["loop", undefined],
  ]);
});

pure("parseResources() accepts numbers as text and refuses anything but a list", () => {
  const [guest] = parseResources('[{"type":"lxc","id":"lxc/101","vmid":"101","maxcpu":"1.5"}]\n');
  assert.deepEqual([guest?.vmid, guest?.maxcpu], [101, 1.5]);
  for (const text of ["", "{}", "[1]", "[{"]) {
    assert.throws(() => parseResources(text), RemoteExecError);
  }
});

pure("parseResources() leaves out a field that is null, not a number or of another type", () => {
  const guest = {
    type: "lxc",
    id: "lxc/101",
    vmid: 101,
    node: "pve",
    name: "web",
    status: "running",
  };
  const numbers = { uptime: 5, cpu: 0.1, maxcpu: 2, mem: 1, maxmem: 2, disk: 3, maxdisk: 4 };
  const complete = { ...guest, ...numbers };
  for (const field of Object.keys(complete)) {
    for (const bad of ["null", "NaN", "nan", "-Inf", "Infinity", "true", "{}", "[]"]) {
      const text = JSON.stringify({ ...complete, [field]: 9_999 }).replace("9999", bad);
      const [row, second] = parseResources(`[${text},${JSON.stringify(complete)}]`);
      assert.equal(second?.vmid, 101);
      const { [field]: _, ...rest } = row as Record<string, unknown>;
      const { [field]: __, ...expected } = complete as Record<string, unknown>;
      const { [field]: ___, ...known } = rest;
      assert.deepEqual(JSON.parse(JSON.stringify(known)), expected, `${field}: ${bad}`);
    }
  }
  assert.equal(parseResources('[{"type":"lxc","id":"lxc/101","name":123}]')[0]?.name, "123");
  assert.equal(parseResources('[{"type":"lxc","id":"lxc/101","cpu":""}]')[0]?.cpu, undefined);
  assert.equal(parseResources('[{"type":null,"id":"qemu/200","vmid":null}]')[0]?.vmid, 200);
  const quoted = parseResources('[{"type":"lxc","name":"a NaN \\" inf","cpu":NaN}]')[0];
  assert.deepEqual([quoted?.name, quoted?.cpu], ['a NaN " inf', undefined]);
});

pure("parseResources() finds the list among lines that look like JSON", () => {
  const list = '[{"type":"lxc","id":"lxc/101","vmid":101}]';
  for (
    const noise of [
      "WARNING: storage 'nas' is not online",
      "[warning] {nas}",
      '{"warning":"nas"}',
      '["nas is down"]',
      '[{"level":"warning","message":"a text that is much longer than the answer itself"}]',
      "[]",
      "[1,2",
    ]
  ) {
    for (const text of [`${noise}\n${list}\n`, `${list}\n${noise}\n`, `${noise}${list}\n`]) {
      if (noise === "[]" && text.startsWith("[][")) continue; // no reader can separate these
      if (noise === "[1,2" && text.startsWith("[1,2[")) continue;
      assert.deepEqual(parseResources(text).map(({ vmid }) => vmid), [101], text);
    }
  }
  assert.deepEqual(parseResources('{"warning":1}\n[]\n["nas is down"]\n'), []);
});

pure("parseVolumes() and parseSnapshots() leave out a field that cannot be read", () => {
  const volumes = '[{"volid":"local:backup/a","size":null,"ctime":1e300,"vmid":"x","notes":5}]';
  assert.deepEqual(JSON.parse(JSON.stringify(parseVolumes(volumes))), [
    { volid: "local:backup/a", notes: "5" },
  ]);
  const { snapshots } = parseSnapshots(
    '[{"name":"one","snaptime":null,"description":null,"parent":null,"snapstate":7}]',
  );
  assert.deepEqual(snapshots, [{ name: "one", description: "", state: "7" }]);
});

pure(
  "parseStorages() names storages that are not active, and none that are turned off",
  () => {
    const text = JSON.stringify([
      { storage: "local", content: "iso,backup", active: 1, enabled: 1, avail: 4096 },
      { storage: "nas", content: "backup", active: 0, enabled: 1 },
      { storage: "off", content: "backup", active: 0, enabled: 0 },
      { storage: "odd", content: "backup", active: null, enabled: null },
      { storage: "images", content: "images", active: 1 },
    ]);
    const content = ["backup"];
    assert.deepEqual(parseStorages(text, "backup"), [
      { name: "local", content: ["iso", "backup"], isActive: true, available: 4096 },
      { name: "nas", content, isActive: false, available: 0 },
      { name: "odd", content, isActive: true, available: 0 },
    ]);
  },
);
