/** What every answer carries: it is for one person, once, and opens nothing else. */
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
 * Makes a browser save a file under a name, whatever characters it has: the plain form for old
 * clients, the encoded one for all others. Source: RFC 6266 section 4, RFC 8187 section 3.2
 */
export function contentDisposition(name: string): string {
  const safe = safeFileName(name);
  const plain = safe.replaceAll(/[^\x20-\x7e]|[%]/gu, "_").replaceAll(/["\\]/g, "\\$&");
  const encoded = encodeURIComponent(safe)
    .replaceAll(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

/** The text with `_` for control characters, line separators and what turns the direction of text. */
export const withoutControls = (text: string): string =>
  text.toWellFormed()
    // deno-lint-ignore no-control-regex -- control characters are what has to go
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, "_");

/** A name that stays one in every file system's eyes: no separators, no control characters. */
export function safeFileName(name: string): string {
  const clean = withoutControls(name).replaceAll(/[/\\]/g, "_");
  return clean === "" || /^\.+$/.test(clean) ? "download" : clean;
}
