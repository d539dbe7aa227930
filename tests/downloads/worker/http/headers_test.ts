import assert from "node:assert/strict";
import fc from "../../../support/property.ts";
import {
  contentDisposition,
  isAutomaticVisit,
  parseRange,
  wishOf,
} from "../../../../src/downloads/worker/http/headers.ts";
import { safeFileName } from "../../../../src/downloads/worker/safe_names.ts";
import { pure } from "../../../support/pure.ts";
import { anyCharacter } from "../../../support/code_points.ts";

pure("contentDisposition() returns the ASCII and the encoded form", () => {
  assert.equal(
    contentDisposition("report.pdf"),
    `attachment; filename="report.pdf"; filename*=UTF-8''report.pdf`,
  );
  assert.equal(
    contentDisposition('naïve "q" 50%.txt'),
    `attachment; filename="na_ve _q_ 50_.txt"; filename*=UTF-8''na%C3%AFve%20%22q%22%2050%25.txt`,
  );
  assert.equal(
    contentDisposition("it's (1)*.txt"),
    `attachment; filename="it's (1)*.txt"; filename*=UTF-8''it%27s%20%281%29%2A.txt`,
  );
});

pure(
  "contentDisposition() keeps every name inside its header and readable again",
  () => {
    fc.assert(fc.property(fc.string({ unit: anyCharacter }), (name) => {
      const header = contentDisposition(name);
      assert.match(header, /^[\x20-\x7e]*$/);
      const encoded = header.slice(header.lastIndexOf("''") + 2);
      assert.match(encoded, /^[A-Za-z0-9!#$&+.^_`|~%-]*$/);
      assert.equal(decodeURIComponent(encoded), safeFileName(name));
    }));
  },
);

pure("contentDisposition() leaves no text direction tricks", () => {
  assert.doesNotMatch(contentDisposition("photo\u200f\u202egnp.exe"), /%E2%80%(8F|AE)/);
});

pure("parseRange() reads the three forms of one part", () => {
  assert.deepEqual(parseRange("bytes=0-", 10), { start: 0, end: 10 });
  assert.deepEqual(parseRange("bytes=3-5", 10), { start: 3, end: 6 });
  assert.deepEqual(parseRange("bytes=3-99", 10), { start: 3, end: 10 });
  assert.deepEqual(parseRange("bytes=-4", 10), { start: 6, end: 10 });
  assert.deepEqual(parseRange("Bytes = -40", 10), { start: 0, end: 10 });
});

pure(
  "parseRange() asks for the whole when the header is missing, odd or names several parts",
  () => {
    for (
      const header of [
        undefined,
        "",
        "bytes=-",
        "bytes=5-3",
        "bytes=0-1,3-4",
        "lines=0-1",
        "bytes=a-",
      ]
    ) {
      assert.equal(parseRange(header, 10), undefined, header);
    }
  },
);

pure("parseRange() says when the file has no such part", () => {
  for (const header of ["bytes=10-", "bytes=10-12", "bytes=-0"]) {
    assert.equal(parseRange(header, 10), "unsatisfiable", header);
  }
  assert.equal(parseRange("bytes=0-", 0), "unsatisfiable");
  assert.equal(parseRange("bytes=-1", 0), "unsatisfiable");
});

const CHROME =
  "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36";

pure("wishOf() returns content for programs that do not accept HTML", () => {
  for (
    const agent of [
      "curl/8.5.0",
      "Wget/1.21.3",
      "python-requests/2.32.3",
      "Go-http-client/1.1",
      "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041",
      "PostmanRuntime/7.39",
      "node",
    ]
  ) {
    assert.equal(wishOf(new Headers({ "user-agent": agent, accept: "*/*" })), "content", agent);
  }
  assert.equal(wishOf(new Headers()), "content");
  assert.equal(wishOf(new Headers({ "sec-fetch-mode": "cors" })), "content");
});

pure("wishOf() returns page for requests that accept HTML or navigate", () => {
  assert.equal(
    wishOf(new Headers({ accept: "text/html,*/*;q=0.8", "user-agent": CHROME })),
    "page",
  );
  assert.equal(wishOf(new Headers({ "sec-fetch-mode": "navigate" })), "page");
});

pure("isAutomaticVisit() knows previews, scanners and crawlers by their names", () => {
  for (
    const agent of [
      "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
      "Slack-ImgProxy (+https://api.slack.com/robots)",
      "Twitterbot/1.0",
      "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
      "WhatsApp/2.23.20.0",
      "TelegramBot (like TwitterBot)",
      "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
      "LinkedInBot/1.0 (compatible; Mozilla/5.0)",
      "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
      "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
      "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0)",
      "Mattermost-Bot/1.1",
      "Synapse (bot; +https://github.com/matrix-org/synapse)",
      "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
      "Mozilla/5.0 (compatible; proofpoint)",
      "facebookexternalhit/1.1;kakaotalk-scrap/1.0",
    ]
  ) {
    assert.equal(
      isAutomaticVisit(new Headers({ "user-agent": agent, accept: "*/*" })),
      true,
      agent,
    );
  }
});

pure("isAutomaticVisit() takes people in odd browsers for people", () => {
  for (
    const agent of [
      CHROME,
      "Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 50) AppleWebKit/537.36 Chrome/120.0",
      "Mozilla/5.0 (Linux; Android 14) Chrome/140.0 Telegram-Android/11.2",
      "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) KAKAOTALK 10.3.5",
      "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) [FBAN/FBIOS;FBAV/440.0]",
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/140.0 Safari/537.36",
    ]
  ) {
    assert.equal(isAutomaticVisit(new Headers({ "user-agent": agent })), false, agent);
  }
});

pure("isAutomaticVisit() knows prefetches and what other pages embed", () => {
  for (
    const headers of [
      { "sec-purpose": "prefetch;prerender" },
      { purpose: "prefetch" },
      { "x-moz": "prefetch" },
      { "sec-fetch-site": "cross-site", "sec-fetch-dest": "empty" },
      { "sec-fetch-dest": "image" },
    ]
  ) {
    assert.equal(isAutomaticVisit(new Headers({ "user-agent": CHROME, ...headers })), true);
  }
  const click = { "sec-fetch-site": "cross-site", "sec-fetch-dest": "document" };
  assert.equal(isAutomaticVisit(new Headers({ "user-agent": CHROME, ...click })), false);
});
