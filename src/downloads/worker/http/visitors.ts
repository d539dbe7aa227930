/**
 * Programs that open links which nobody clicked: previews, unfurlers, crawlers, mail scanners. Names
 * that browsers inside messengers carry too (Telegram-Android, KAKAOTALK, Pinterest) are not here: a
 * person would never get the file. CUBOT makes telephones.
 */
const PREVIEW_AGENTS = new RegExp(
  [
    "(?<!cu)bot\\b",
    "(?<!cu)bot[-_/]",
    "crawl",
    "spider",
    "slurp",
    "preview",
    "unfurl",
    "scrap(er|y)?\\b",
    "facebookexternalhit",
    "facebookcatalog",
    "meta-external",
    "whatsapp",
    "slack-imgproxy",
    "rocket\\.chat",
    "line-poker",
    "vkshare",
    "embedly",
    "iframely",
    "flipboardproxy",
    "google-(safety|pagerenderer|read-aloud|extended|inspectiontool)",
    "googleimageproxy",
    "googledocs",
    "apis-google",
    "mediapartners",
    "ms-office",
    "microsoft office",
    "safelinks",
    "barracuda",
    "proofpoint",
    "mimecast",
    "symantec",
    "trendmicro",
    "virustotal",
    "urlscan",
    "ia_archiver",
    "chatgpt-user",
    "claude-user",
    "perplexity-user",
    "w3c_validator",
    "validator\\.nu",
  ].join("|"),
  "i",
);

/** What a visitor wants: a page to look at, or the content. */
export type Wish = "page" | "content";

/** Was the request sent without a person's click? Such a one never claims a link. */
export function isAutomaticVisit(headers: Headers): boolean {
  const purposes = ["sec-purpose", "purpose", "x-moz", "x-purpose"];
  if (purposes.some((name) => /prefetch|prerender|preview/i.test(headers.get(name) ?? ""))) {
    return true;
  }
  // An image or a frame on somebody's page; the person may not even see it.
  const destination = headers.get("sec-fetch-dest") ?? "empty";
  if (headers.get("sec-fetch-site") === "cross-site" && destination !== "document") return true;
  if (!["document", "empty"].includes(destination)) return true;
  return PREVIEW_AGENTS.test(headers.get("user-agent") ?? "");
}

/** A browser that navigates gets a page; curl, wget and programs download at once. */
export function wishOf(headers: Headers): Wish {
  if (isAutomaticVisit(headers)) return "page";
  const asksForHtml = /\btext\/html\b|\bapplication\/xhtml\+xml\b/i.test(
    headers.get("accept") ?? "",
  );
  return asksForHtml || headers.get("sec-fetch-mode") === "navigate" ? "page" : "content";
}
