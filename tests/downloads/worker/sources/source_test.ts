import assert from "node:assert/strict";
import { ContentsNames } from "../../../../src/downloads/worker/sources/source.ts";
import { pure } from "../../../support/pure.ts";

pure("ContentsNames lists what is directly in a directory, and counts all of it", () => {
  const names = new ContentsNames();
  for (let number = 30; number > 0; number--) names.add(`page-${number}`, "file");
  names.add("sub", "directory");
  names.add("sub/below", "file");
  names.add("another/only/below", "file");
  const { count, names: first } = names.list();
  assert.equal(count, 32);
  assert.equal(first.length, 20);
  assert.deepEqual(first.slice(0, 3), ["another/", "page-1", "page-2"]);
});

pure("ContentsNames lists many names without much time", () => {
  const names = new ContentsNames();
  for (let number = 0; number < 100_000; number++) names.add(`${number}/x`, "file");
  assert.deepEqual(names.list().names.slice(0, 3), ["0/", "1/", "10/"]);
});
