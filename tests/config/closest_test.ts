import assert from "node:assert/strict";
import { closest } from "../../src/config/closest.ts";
import { pure } from "../support/pure.ts";

const WORDS = ["doctor", "permissions", "help", "version"];

pure("closest() finds a word with one or two wrong letters", () => {
  for (const typed of ["doctr", "docter", "dcotor", "doctorr", "octor", "dotcor"]) {
    assert.equal(closest(typed, WORDS), "doctor", typed);
  }
  assert.equal(closest("permision", WORDS), "permissions");
  assert.equal(closest("hlep", WORDS), "help");
});

pure("closest() finds no word in what is another word", () => {
  for (const typed of ["", "h", "serve", "start", "doc", "perm", "held-up"]) {
    assert.equal(closest(typed, WORDS), undefined, typed);
  }
  assert.equal(closest("doctor", []), undefined);
});
