import assert from "node:assert/strict";
import { LANGUAGES, wordsFor } from "../../../../src/downloads/worker/http/page_words.ts";
import { pure } from "../../../support/pure.ts";

const HEADERS: readonly (readonly [string | undefined, string])[] = [
  [undefined, "en"],
  ["", "en"],
  ["de", "de"],
  ["de-CH,de;q=0.9,en;q=0.8", "de"],
  ["pt-BR, pt;q=0.9, es;q=0.5, en;q=0.4", "es"],
  ["en;q=0.3, fr;q=0.7", "fr"],
  ["ja-JP", "ja"],
  ["JA", "ja"],
  ["de;q=0, fr", "fr"],
  ["de;q=0", "en"],
  ["*", "en"],
  ["xx;q=1;de", "en"],
  ["de;q=x, es;q=0.1", "es"],
  ["__proto__, constructor", "en"],
  ["en ; q=0.3 , fr\t;\tq=0.7", "fr"],
];

for (const [header, language] of HEADERS) {
  pure(`wordsFor() chooses ${language} for ${JSON.stringify(header)}`, () => {
    assert.equal(wordsFor(header).language, language);
  });
}

pure("wordsFor() reads a long header in time that grows with its length only", () => {
  const start = performance.now();
  for (const blank of [" ", "\t", " ;", ","]) wordsFor(`de${blank.repeat(150_000)}x`);
  // A time that grows with the square of the length is half a minute and more.
  assert.ok(performance.now() - start < 15_000);
});

pure("every language has its own sentences, with the same places for values", () => {
  const [english, ...others] = LANGUAGES;
  assert.ok(english !== undefined && others.length >= 4);
  for (const words of others) {
    const entries = Object.entries<string>({ ...words });
    const originals: ReadonlyMap<string, string> = new Map(Object.entries<string>({ ...english }));
    assert.deepEqual(Object.keys(words), [...originals.keys()]);
    for (const [key, sentence] of entries) {
      const places = originals.get(key)?.split("#").length;
      assert.equal(sentence.split("#").length, places, `${words.language} ${key}`);
      assert.ok(sentence.length > 0);
    }
    const long = entries.filter(([, sentence]) => sentence.length > 20);
    for (const [key, sentence] of long) {
      assert.ok(!Object.values(english).includes(sentence), `${words.language} ${key}`);
    }
  }
});
