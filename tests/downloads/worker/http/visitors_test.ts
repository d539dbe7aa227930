import assert from "node:assert/strict";
import { isAutomaticVisit, wishOf } from "../../../../src/downloads/worker/http/visitors.ts";
import { pure } from "../../../support/pure.ts";

const CHROME =
  "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36";

pure("wishOf() gives content to programs that do not ask for HTML", () => {
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

pure("wishOf() gives a page to whoever asks for HTML or navigates", () => {
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
