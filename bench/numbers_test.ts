import assert from "node:assert/strict";
import { figure, median, percentile } from "./numbers.ts";
import { formatTable, isMet, type Result } from "./table.ts";

const at = (value: number) => ({ value, low: value, high: value });

Deno.test("median() is the middle, or between the middle two", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

Deno.test("percentile() returns the sample at the nearest rank", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.equal(percentile(hundred, 0.99), 99);
  assert.equal(percentile(hundred, 0.25), 25);
  assert.equal(percentile([7], 0.99), 7);
});

Deno.test("figure() tells the value and the range of the middle half", () => {
  assert.deepEqual(figure([1, 2, 3, 4, 100]), { value: 3, low: 2, high: 4 });
});

Deno.test("isMet() compares the value or the ratio with the aim, bounds included", () => {
  const result = { what: "x", unit: "ms", ours: at(4), theirs: at(10) } as const;
  assert.equal(isMet(result), undefined);
  assert.equal(isMet({ ...result, aim: { of: "ratio", most: 0.4 } }), true);
  assert.equal(isMet({ ...result, aim: { of: "ratio", most: 0.39 } }), false);
  assert.equal(isMet({ ...result, aim: { of: "value", least: 4 } }), true);
  assert.equal(isMet({ ...result, aim: { of: "value", least: 4.1 } }), false);
});

Deno.test("formatTable() shows both figures, their ratio, the aim and whether it is met", () => {
  const result: Result = {
    what: "upload",
    unit: "MB/s",
    ours: { value: 300, low: 290, high: 310 },
    theirs: at(400),
    aim: { of: "ratio", least: 0.7, goal: 1 },
  };
  const [head, row] = formatTable([result]).split("\n");
  assert.equal(head?.trim().split(/\s+/).join(" "), "ours OpenSSH ratio aim met");
  const expected = "upload [MB/s] 300 (290-310) 400 0.75x >= 0.7x, goal 1x yes, goal not";
  assert.equal(row?.trim().split(/\s+/).join(" "), expected);
  assert.match(formatTable([{ ...result, theirs: at(600) }]), /MISSED$/);
});
