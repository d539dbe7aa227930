import assert from "node:assert/strict";
import { downloadAnswer } from "../../../src/transfers/exchange/answers.ts";
import { pure } from "../../support/pure.ts";

pure("downloadAnswer() claims the content only if it was proven", () => {
  const verified = (contentProven: boolean) =>
    downloadAnswer({ localPath: "a", remotePath: undefined, ctid: undefined }, {
      name: { sourceClient: "server", transferId: "id", filename: "a" },
      bytes: 3,
      sha256: "",
      verified: "sha256",
      durationMs: 1,
      path: "/files/a",
      object: { name: "x", id: "1", size: 3, storedAtMs: 0, metadata: {} },
      contentProven,
    }).verified;
  assert.deepEqual([verified(true), verified(false)], ["content", "size"]);
});
