import assert from "node:assert/strict";
import { oneLine, plainHash, plainUrl, plainWord } from "../../src/transfers/command_words.ts";
import { checkCommand, downloadCommand } from "../../src/transfers/exchange/commands.ts";
import { pure } from "../support/pure.ts";

const INTERNAL = { code: "internal" };

pure("plain words, URLs, hashes and lines are accepted as words of commands", () => {
  assert.equal(plainWord("x-amz-meta-a: b; c"), "x-amz-meta-a: b; c");
  assert.equal(plainUrl("https://s3.example/a'b?c=d&e"), "https://s3.example/a'b?c=d&e");
  assert.equal(plainHash("0f".repeat(32)), "0f".repeat(32));
  assert.equal(oneLine("fileName=é'\".txt"), "fileName=é'\".txt");
});

pure("words in which a shell would read more are refused", () => {
  for (const word of ["it's", "a\nb", "a\0", "é", "", "\u007f"]) {
    assert.throws(() => plainWord(word), INTERNAL, JSON.stringify(word));
  }
  for (
    const url of ["-Kfile", "file:///etc/passwd", "https://a b", "https://a\n", "https://é", ""]
  ) {
    assert.throws(() => plainUrl(url), INTERNAL, url);
  }
  for (const hash of ["x; id", "0F".repeat(32), "00".repeat(31), `${"00".repeat(32)}\n`]) {
    assert.throws(() => plainHash(hash), INTERNAL, hash);
  }
  assert.throws(() => oneLine("a\r\nb"), INTERNAL);
});

pure("commands contain nothing unsafe from a hijacked worker", () => {
  assert.throws(() => checkCommand("x; touch F;"), INTERNAL);
  assert.throws(() => downloadCommand("https://s3.example/it's"), INTERNAL);
  assert.throws(() => downloadCommand("-Kconfig"), INTERNAL);
});
