import assert from "node:assert/strict";
import { linkProblem } from "../../../../src/ssh/worker/directories/tree_item.ts";
import { pure } from "../../../support/pure.ts";

pure("linkProblem() accepts relative targets inside the tree, and refuses all others", () => {
  const inside: [path: string, target: string][] = [
    ["a", "b"],
    ["a", "./b"],
    ["a", "missing/b"],
    ["d/a", "../b"],
    ["d/e/a", "../../b/c"],
    ["d/a", ".."],
    ["a", "..b"],
  ];
  for (const [path, target] of inside) assert.equal(linkProblem(path, target), undefined, target);
  const outside: [path: string, target: string][] = [
    ["a", "/etc/passwd"],
    ["a", ".."],
    ["a", "../b"],
    ["d/a", "../../b"],
    ["d/a", "b/../../../c"],
    ["d/a", "./../../c"],
    // The name may be a link to the top, and then this leads out.
    ["d/a", "e/../x"],
    ["a", ""],
    ["a", "line\nfeed"],
    // What is not UTF-8 was replaced, so the link would lead elsewhere.
    ["a", "caf\ufffd"],
  ];
  for (const [path, target] of outside) assert.ok(linkProblem(path, target), target);
});
