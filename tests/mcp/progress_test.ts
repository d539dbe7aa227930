import assert from "node:assert/strict";
import { increasing } from "../../src/mcp/progress.ts";
import type { Progress } from "../../src/mcp/tool.ts";
import { pure } from "../support/pure.ts";

pure("increasing() leaves out steps that are not larger than the one before", () => {
  const sent: Progress[] = [];
  const report = increasing((step) => sent.push(step));
  for (const progress of [0, 0, 5, 3, 5, 5.5, 10, 10]) report({ progress, total: 10 });
  assert.deepEqual(sent.map(({ progress }) => progress), [0, 5, 5.5, 10]);
  assert.equal(sent[3]?.total, 10);
});
