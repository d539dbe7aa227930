import { shellQuote } from "../../shell/quote.ts";
import { PATH_PLACEHOLDER, plainHash, plainUrl, plainWord } from "../command_words.ts";
import type { UploadTicket } from "../port.ts";

/** How to insert a path into a command. Values contain no quote, so both shells quote them alike. */
export const PATH_NOTE =
  `Replace ${PATH_PLACEHOLDER} with the path, inside the single quotes; spaces, ; and , need no escaping. ` +
  "Write a single quote in the path as '\\'' in sh and as '' in PowerShell. " +
  "In PowerShell, write curl.exe instead of curl: the rest is equal";

/**
 * Returns a command that stores one file with a PUT ticket. `-g` stops curl from reading brackets in
 * the path as a pattern. The empty `Expect:` saves a second: curl would wait for a `100 Continue` that
 * Cloudflare does not send.
 */
export function uploadCommand({ url, headers }: UploadTicket): string {
  const options = Object.entries(headers).map(([name, value]) =>
    `-H ${shellQuote(plainWord(`${name}: ${value}`))}`
  );
  return [
    "curl -fsgS -H 'Expect:'",
    ...options,
    `-T '${PATH_PLACEHOLDER}'`,
    String.raw`-w 'HTTP %{http_code}\n'`,
    shellQuote(plainWord(plainUrl(url))),
  ].join(" ");
}

/** A warning that belongs to every download command. */
export const RESUME_NOTE =
  "No other file may exist at that path: curl takes it for the first part of this download and appends the rest, " +
  "without an error";

/** Returns a command that downloads to a file and resumes when it is run again. */
export const downloadCommand = (url: string): string =>
  `curl -fgSL --retry 5 -C - -o '${PATH_PLACEHOLDER}' ${shellQuote(plainWord(plainUrl(url)))}`;

/** Returns a command that fails unless a file has this content. It does not support line breaks in paths. */
export const checkCommand = (sha256: string): string =>
  `printf '%s  %s\\n' ${plainHash(sha256)} '${PATH_PLACEHOLDER}' | sha256sum -c -`;

/** Returns the check for PowerShell, which prints True or False. */
export const checkCommandForPowerShell = (sha256: string): string =>
  `(Get-FileHash -LiteralPath '${PATH_PLACEHOLDER}').Hash -eq '${plainHash(sha256)}'`;
