import assert from "node:assert/strict";
import { parseAvailable, parseDownloadPercent } from "../../../src/proxmox/parsers/pveam.ts";
import { pure } from "../../support/pure.ts";

pure("parseAvailable() reads lists with and without the column of 9.2", () => {
  const name = "debian-12-standard_12.7-1_amd64.tar.zst";
  const wanted = [{ section: "system", name }];
  assert.deepEqual(parseAvailable(`system          ${name}\n`), wanted);
  assert.deepEqual(parseAvailable(`system          ${name.padEnd(60)} amd64\n`), wanted);
  assert.deepEqual(parseAvailable(""), []);
});

pure("parseDownloadPercent() reads the dots of wget", () => {
  assert.equal(
    parseDownloadPercent("     0K ........ ........ ........ ........ 26% 43.9M 2s"),
    26,
  );
  assert.equal(parseDownloadPercent(" 98304K ........ ........         100% 63.9M=2.1s"), 100);
  assert.equal(parseDownloadPercent("Length: 126129049 (120M)"), undefined);
});
