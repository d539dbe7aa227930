import assert from "node:assert/strict";
import { parseNodeTraffic, withoutTraffic } from "../../../src/proxmox/parsers/traffic.ts";
import { pure } from "../../support/pure.ts";

pure("parseNodeTraffic() returns the newest sample of each node that has values", () => {
  const stdout = [
    '[{"id":"node/pve","netin":9,"netout":9,"time":999}]',
    '=pve "cpu":0.1,"netin":1,"netout":2,"time":100},',
    '=pve "netin":"3.5","netout":4e2,"time":160},',
    '=pve "netin":7,"time":220}]',
    '=pve-2 "maxnetin":1,"netin":5,"netout":6,"time":160}',
    "=pve3 ",
    '=pve3 "netin":NaN,"netout":1,"time":1}',
  ].join("\n");
  assert.deepEqual(
    [...parseNodeTraffic(stdout)].map(([node, { netin, netout }]) => [node, netin, netout]),
    [["pve", 3.5, 400], ["pve-2", 5, 6]],
  );
  assert.equal(withoutTraffic(stdout).split("\n").length, 1);
});
