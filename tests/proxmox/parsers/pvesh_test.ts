import assert from "node:assert/strict";
import { RemoteExecError } from "../../../src/errors.ts";
import {
  parseNodeTraffic,
  parseResources,
  parseSnapshots,
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

pure("parseResources() accepts numbers as text and refuses anything but a list", () => {
  const [guest] = parseResources('[{"type":"lxc","id":"lxc/101","vmid":"101","maxcpu":"1.5"}]\n');
  assert.deepEqual([guest?.vmid, guest?.maxcpu], [101, 1.5]);
  for (const text of ["", "{}", "[1]", "[{"]) {
    assert.throws(() => parseResources(text), RemoteExecError);
  }
});

pure("parseNodeTraffic() returns the newest sample that has values", () => {
  const samples = [{ time: 60, netin: 1, netout: 2 }, { time: 180 }, {
    time: 120,
    netin: 3,
    netout: 4,
  }];
  assert.deepEqual(parseNodeTraffic(JSON.stringify(samples)), { netin: 3, netout: 4 });
  assert.equal(parseNodeTraffic('[{"time":1}]'), undefined);
});
