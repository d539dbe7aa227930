import assert from "node:assert/strict";
import { formatList, listAnswer, listOutput } from "../../../../../src/ssh/text/answers.ts";
import { limited } from "../../../../../src/ssh/worker/files/text/listing.ts";
import { parseListing } from "../../../../../src/ssh/worker/files/text/shell_listing.ts";
import { pure } from "../../../../support/pure.ts";

const line = (path: string, facts = "0644:f 5 0 0 root") => `${facts}\0./${path}\0\0`;

pure("parseListing() leaves out what is not an entry", () => {
  const odd = [
    line("a"),
    line("", "0644:f 5 0 0 root"),
    line("b", "x y z"),
    line("c", ""),
    "0644:f",
  ];
  const { entries, isCut } = parseListing(odd.join(""));
  assert.deepEqual([entries.map(({ path }) => path), isCut], [["a"], false]);
});

pure("a list of more entries than are counted says so", () => {
  const found = parseListing(Array.from({ length: 100_001 }, (_, at) => line(String(at))).join(""));
  assert.deepEqual([found.entries.length, found.isCut], [100_000, true]);
  const listing = limited(found, { hidden: false, limit: 10 }, []);
  const { omitted, notice } = listAnswer(listing, 25_000);
  assert.deepEqual([omitted, notice], [
    99_990,
    "There are more entries than were counted: name a subdirectory",
  ]);
});

pure("a list stays within the limit, also as text with escaped names", () => {
  const names = Array.from({ length: 100 }, (_, at) => `${"\u202e".repeat(100)}${at}`);
  const found = parseListing(names.map((name) => line(name)).join(""));
  const answer = listAnswer(limited(found, { hidden: false, limit: 1_000 }, []), 5_000);
  assert.ok(answer.entries.length > 3 && formatList("/d", answer).length < 5_300);
});

pure("a time that no date can hold does not hide the other entries", () => {
  const times = ["9223372036854775807", "-9223372036854775808.5", "?", "1600000000.5"];
  const found = parseListing(
    times.map((time) => line(`at${time.length}`, `0644:f 5 ${time} 0 root`)).join(""),
  );
  const answer = listAnswer(limited(found, { hidden: false, limit: 10 }, []), 25_000);
  assert.deepEqual(answer.entries.map(({ mtime }) => mtime).toSorted(), [
    "2020-09-13T12:26:40Z",
    "?",
    "?",
    "?",
  ]);
  listOutput.parse(answer);
});
