import type { LinkStatistics, NewLink } from "./port.ts";

/** What a new link's answer says. */
export const createdMessage = (link: NewLink, expiryMinutes: number): string =>
  `Download link generated successfully!\n\nURL: ${link.url}\n` +
  `Type: ${link.fileType === "directory" ? "directory (will be zipped)" : "file"}\n` +
  `Expires: ${expiryMinutes} minute(s)\n` +
  "Note: This is a single-use link that will be invalidated after download." +
  (isHere(link.url) ? `\n${HERE_ONLY}` : "");

const HERE_ONLY =
  "It opens on this machine only; for other machines set DOWNLOAD_HOST and BASE_URL and make a new one.";

const isHere = (url: string): boolean =>
  /^(127\..*|localhost|\[::1\])$/.test(new URL(url).hostname);

/** What is missing from a directory's archive; empty when nothing is. */
export function leftOutMessage({ count, names }: NewLink["leftOut"]): string {
  if (count === 0) return "";
  const more = count > names.length ? `\n  and ${count - names.length} more` : "";
  return `Left out of the archive (${count}):\n${
    names.map((name) => `  ${name}`).join("\n")
  }${more}`;
}

/** The counts under the names that tools and HTTP API share. */
export const formatCounts = ({ total, active, used, expired }: LinkStatistics) => ({
  total_tokens: total,
  active_tokens: active,
  used_tokens: used,
  expired_tokens: expired,
});
