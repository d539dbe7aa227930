import { printable } from "../errors.ts";
import type { LinkStatistics, NewLink } from "./port.ts";

/** The answer of every dead link: unknown, used, expired or revoked. */
export const DEAD_LINK = "Download link not found, expired, or already used";

/** The answer of the HTTP API for every path it refuses, so that it reveals nothing about files. */
export const linkRefusedText = (maxBytes: number): string =>
  "Could not create download link. Please verify:\n1. Path exists\n" +
  "2. Path is within working directory\n" +
  `3. File/directory size is within limits (${megabytes(maxBytes)}MB)`;

const CREATED = "Download link generated successfully!";

/** Returns the message for a new link, with all that a person must know. */
export const createdMessage = (link: NewLink, expiryMinutes: number): string =>
  `${CREATED}\n\nURL: ${link.url}\n` +
  `Type: ${link.fileType === "directory" ? "directory (will be zipped)" : "file"}\n` +
  `Expires: ${expiryMinutes} minute(s)\n${linkNote(link)}`;

/** Returns the message without what the structured answer has in fields of its own. */
export const shortMessage = (link: NewLink): string => `${CREATED}\n${linkNote(link)}`;

const linkNote = ({ missing }: NewLink): string =>
  "Note: This is a single-use link that will be invalidated after download.\n" +
  "It works only while this server runs." +
  (missing.length > 0 ? `\n${hereOnly(missing)}` : "");

const hereOnly = (missing: NewLink["missing"]): string =>
  `It opens on this machine only. For other machines, set ${
    missing.join(" and ")
  }, then make a new link.`;

/** Returns what a directory's archive leaves out; empty if nothing. */
export function leftOutMessage({ count, names }: NewLink["leftOut"]): string {
  if (count === 0) return "";
  const more = count > names.length ? `\n  and ${count - names.length} more` : "";
  return `Left out of the archive (${count}):\n${
    names.map((name) => `  ${printable(name)}`).join("\n")
  }${more}`;
}

/** Returns the counts under the names that tools and the HTTP API share. */
export const formatCounts = ({ total, active, used, expired }: LinkStatistics) => ({
  total_tokens: total,
  active_tokens: active,
  used_tokens: used,
  expired_tokens: expired,
});

/** Returns the size in MiB, with one decimal unless it is a whole number. */
export const megabytes = (bytes: number): string => {
  const value = bytes / 1_048_576;
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
};
