import { safeFileName } from "../safe_names.ts";
import type { Span } from "../sources/source.ts";

/** The headers of every answer: it is not cached, embedded, indexed or sent on. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "X-Robots-Tag": "noindex, nofollow",
};

/**
 * Returns the header that makes a browser save a file under its name, whatever characters it has: the
 * ASCII form for old clients, the encoded form for all others.
 * Source: RFC 6266 section 4, RFC 8187 section 3.2.
 */
export function contentDisposition(name: string): string {
  const safe = safeFileName(name);
  // curl reads a name only up to a quote, even an escaped one.
  const plain = safe.replaceAll(/[^\x20-\x7e]|[%"]/gu, "_");
  const encoded = encodeURIComponent(safe)
    .replaceAll(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

/** What a visitor requests: a page to look at, or the content. */
export type Wish = "page" | "content";

/** Reports whether a request was sent without a person's click. Such a request never claims a link. */
export function isAutomaticVisit(headers: Headers): boolean {
  const purposes = ["sec-purpose", "purpose", "x-moz", "x-purpose"];
  if (purposes.some((name) => /prefetch|prerender|preview/i.test(headers.get(name) ?? ""))) {
    return true;
  }
  // An image or a frame on another page; the person may not even see it.
  const destination = headers.get("sec-fetch-dest") ?? "empty";
  if (headers.get("sec-fetch-site") === "cross-site" && destination !== "document") return true;
  if (!["document", "empty"].includes(destination)) return true;
  return PREVIEW_AGENTS.test(headers.get("user-agent") ?? "");
}

/**
 * Returns `page` for a browser that navigates, and `content` for curl, wget and other programs. Some
 * programs ask for HTML like a browser (wget2, Java), so its name counts too: outside of https and this
 * machine, browsers do not send `Sec-Fetch-Mode`.
 */
export function wishOf(headers: Headers): Wish {
  if (isAutomaticVisit(headers)) return "page";
  const asksForHtml = /\btext\/html\b|\bapplication\/xhtml\+xml\b/i.test(
    headers.get("accept") ?? "",
  );
  const isBrowser = BROWSERS.test(headers.get("user-agent") ?? "");
  return (asksForHtml && isBrowser) || headers.get("sec-fetch-mode") === "navigate"
    ? "page"
    : "content";
}

/** Every graphical browser calls itself Mozilla or Opera; text browsers have names of their own. */
const BROWSERS = /^(mozilla|opera|lynx|links|elinks|w3m|dillo|netsurf)\b/i;

/**
 * Returns the part of a file that a Range header requests: undefined for the complete file (no header,
 * an unknown form, or several parts), `unsatisfiable` if the file has no such part.
 * Source: RFC 9110 section 14.
 */
export function parseRange(
  header: string | undefined,
  size: number,
): Span | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(header?.replaceAll(/[ \t]/g, "") ?? "");
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const length = Number(last);
    if (length === 0 || size === 0) return "unsatisfiable";
    return { start: Math.max(0, size - length), end: size };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= size) return "unsatisfiable";
  return { start, end: last === "" ? size : Math.min(size, Number(last) + 1) };
}

/**
 * Programs that open links without a click: previews, crawlers, mail scanners. Names that the browsers
 * inside messengers contain too (Telegram-Android, KAKAOTALK, Pinterest) are not listed: their users would
 * never get the file. CUBOT makes phones.
 */
const PREVIEW_AGENTS = new RegExp(
  [
    // A robot says where it is described: `Name/1.0 (+https://example.com/bot)`.
    "https?://",
    "\\+www\\.",
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
