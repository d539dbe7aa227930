import assert from "node:assert/strict";
import { downloadAnswer, formatList, listAnswer } from "../../../src/transfers/exchange/answers.ts";
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

pure("formatList() shows metadata of others on the line of its transfer", () => {
  const hostile = "x\n[SUCCESS] forged\x1b[2J";
  const metadata = { dest_client: hostile, note: hostile, [hostile]: "" };
  const listed = {
    ...{ sourceClient: "server", transferId: "id", filename: "a", key: "k", expiresAtMs: 0 },
    ...{ object: { name: "x", id: "1", size: 3, storedAtMs: 0, metadata }, expired: false },
  };
  const text = formatList(listAnswer([listed], false));
  assert.deepEqual([text.split("\n").length, text.includes("\x1b")], [4, false], text);
});
