import assert from "node:assert/strict";
import {
  changedPage,
  deadPage,
  formatSize,
  laterPage,
  linkPage,
  PAGE_POLICY,
} from "../../../../src/downloads/worker/http/page.tsx";
import { LANGUAGES } from "../../../../src/downloads/worker/http/page_words.ts";
import type { Source } from "../../../../src/downloads/worker/sources/source.ts";
import { pure } from "../../../support/pure.ts";

const source = (more: Partial<Source> = {}): Source => ({
  kind: "file",
  origin: "local",
  name: "a.txt",
  downloadName: "a.txt",
  size: 1234,
  sha256: "ab".repeat(32),
  leftOut: { count: 0, names: [] },
  verify: () => Promise.resolve(),
  open: () => Promise.reject(new Error("not opened here")),
  ...more,
});

pure("every page is small, loads nothing and escapes what it shows", () => {
  const evil = '<img src=x onerror="alert(1)">&amp;';
  const pages = [
    linkPage(source({ downloadName: evil.repeat(8) }), 300_000, 0),
    linkPage(source({ kind: "directory", sha256: undefined }), 300_000, 0),
    linkPage(
      source({
        ...{ kind: "directory", sha256: undefined },
        contents: { names: Array.from({ length: 20 }, () => evil.repeat(8)), count: 1_000_000 },
      }),
      ...[300_000, 0, { sender: evil }] as const,
    ),
    deadPage(),
    changedPage(),
    laterPage(evil, evil),
  ];
  for (const page of pages) {
    assert.ok(new TextEncoder().encode(page).length < 10_000);
    assert.match(page, /^<!DOCTYPE html><html lang="en">/);
    assert.doesNotMatch(page, /<img|https?:|<[^>]*\bsrc=|@import|url\(/);
    assert.doesNotMatch(page, /<(?:script|style)[^>]+>/);
    assert.doesNotMatch(page, /<[^>]*\son[a-z]+=/);
  }
});

pure("the policy allows exactly the page's own style and script", async () => {
  const page = linkPage(source(), 300_000, 0);
  for (
    const [kind, pattern] of [["style", /<style>([\s\S]*)<\/style>/], [
      "script",
      /<script>([\s\S]*)<\/script>/,
    ]] as const
  ) {
    const text = pattern.exec(page)?.[1] ?? "";
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    assert.ok(PAGE_POLICY.includes(`${kind}-src 'sha256-${new Uint8Array(digest).toBase64()}'`));
  }
  assert.doesNotMatch(PAGE_POLICY, /unsafe|https?:|\*/);
});

pure("linkPage() shows what is left at the moment it is made", () => {
  assert.match(linkPage(source(), 300_000, 0), /data-seconds="300"[^>]*>in 5:00 minutes</);
  assert.match(linkPage(source(), 300_000, 234_500), /data-seconds="66"[^>]*>in 1:06 minutes</);
});

pure("linkPage() says that an interrupted archive starts again", () => {
  assert.match(linkPage(source({ kind: "directory" }), 300_000, 0), /starts from the beginning/);
  assert.doesNotMatch(linkPage(source(), 300_000, 0), /starts from the beginning/);
});

pure("formatSize() writes sizes as people read them", () => {
  const sizes = [0, 1, 999, 1000, 1234, 9_960, 999_499, 999_500, 104_857_600, 6.4e9, 2e13];
  assert.deepEqual(sizes.map((size) => formatSize(size)), [
    "0 bytes",
    "1 byte",
    "999 bytes",
    "1.0 kB",
    "1.2 kB",
    "10.0 kB",
    "999 kB",
    "1.0 MB",
    "105 MB",
    "6.4 GB",
    "20 TB",
  ]);
});

pure("linkPage() shows no characters that turn the direction of text", () => {
  const page = linkPage(source({ downloadName: "photo\u202e\u200f\u2067gnp.exe" }), 300_000, 0);
  assert.doesNotMatch(page, /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/);
  assert.equal(page.split("photo___gnp.exe").length, 3);
});

pure("formatSize() writes sizes as the language does", () => {
  const languages = ["de", "fr", "es", "ja"];
  // The kinds of spaces differ.
  const sizes = languages.map((each) => formatSize(1_400_000, each).replace(/\s/u, " "));
  assert.deepEqual(sizes, ["1,4 MB", "1,4 Mo", "1,4 MB", "1.4 MB"]);
  assert.equal(formatSize(999, "de"), "999 Byte");
});

for (const words of LANGUAGES) {
  pure(`the pages in ${words.language} have all of their sentences, and no #`, () => {
    const folder = source({
      ...{ kind: "directory", sha256: undefined, downloadName: "tree.zip" },
      contents: { names: ["a.txt", "sub/"], count: 1_234 },
    });
    const view = { words, sender: "Ada & Co" };
    const pages = [
      linkPage(source(), 300_000, 0, view),
      linkPage(folder, 300_000, 0, view),
      deadPage(words),
      changedPage(words),
      laterPage(words.laterTitle, words.laterText, words),
      laterPage(words.busyTitle, words.busyText, words),
    ].map((page) => {
      assert.ok(new TextEncoder().encode(page).length < 10_000);
      assert.ok(page.startsWith(`<!DOCTYPE html><html lang="${words.language}">`));
      const visible = page.replace(/<(style|script)>[\s\S]*?<\/\1>|data-text="[^"]*"/g, "");
      assert.doesNotMatch(visible, /#(?!\d)/);
      return visible;
    });
    const all = pages.join("").replaceAll("<bdi>", "").replaceAll("</bdi>", "");
    for (const [key, sentence] of Object.entries<string>({ ...words })) {
      if (key === "inMinutes") continue;
      for (const part of sentence.split("#")) {
        assert.ok(all.includes(part.replaceAll("'", "&#39;")), `${key}: ${part}`);
      }
    }
    assert.ok(all.includes(words.from.replace("#", "Ada &amp; Co")));
    assert.ok(pages[1]?.includes("<li><bdi>sub/</bdi></li>"));
  });
}

pure("linkPage() shows another icon for a folder and for kinds of files", () => {
  const iconOf = (more: Partial<Source>) =>
    /<path d="([^"]*)"/.exec(linkPage(source(more), 300_000, 0))?.[1];
  const names = ["a", "a.PNG", "a.mp4", "a.mp3", "a.tar.gz", "a.csv", "a.ts", "a.pdf"];
  const icons = names.map((downloadName) => iconOf({ downloadName }));
  const all = [...icons, iconOf({ kind: "directory", downloadName: "a.zip" })];
  assert.equal(new Set(all).size, names.length + 1);
});

pure(
  "a browser that does not know :user-valid shows the note, and not that the download has started",
  () => {
    const style = /<style>([\s\S]*?)<\/style>/.exec(linkPage(source(), 300_000, 0))?.[1] ?? "";
    // Such a browser drops these rules.
    const kept = style.split("\n").filter((rule) => !rule.includes(":user-valid")).join("\n");
    assert.match(kept, /^\.started\{display:none;/m);
    assert.doesNotMatch(kept, /#note/);
  },
);
