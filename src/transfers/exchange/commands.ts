import { shellQuote } from "../../shell/quote.ts";
import { address, PATH_PLACEHOLDER, plainHash, plainWord } from "../command_words.ts";
import type { UploadTicket } from "../port.ts";

/** How to put a path into a command. */
export const PATH_NOTE =
  `Replace ${PATH_PLACEHOLDER} by the path, inside the single quotes; blanks, ; and , need no care. ` +
  "A single quote in the path is written '\\'' in sh and '' in PowerShell";

/**
 * A command that stores one file through a PUT ticket. `-g` keeps brackets in the path from being a
 * pattern; without `Expect:` curl waits a second for an answer that Cloudflare does not give.
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
    shellQuote(plainWord(address(url))),
  ].join(" ");
}

/** What has to be known besides about a download command. */
export const RESUME_NOTE =
  "No other file may be at that path: curl takes whatever is there for the first part of this very download and goes " +
  "on behind it, without an error";

/** A command that downloads to a file; run again after a cut it goes on where it stopped. */
export const downloadCommand = (url: string): string =>
  `curl -fgSL --retry 5 -C - -o '${PATH_PLACEHOLDER}' ${shellQuote(plainWord(address(url)))}`;

/** The same for PowerShell, where `curl` may be another program. Quoting is alike, as no value holds a quote. */
export const forPowerShell = (command: string): string => command.replace(/^curl /, "curl.exe ");

/** A line that fails unless a file has this content. A path with a line break is beyond it. */
export const checkCommand = (sha256: string): string =>
  `printf '%s  %s\\n' ${plainHash(sha256)} '${PATH_PLACEHOLDER}' | sha256sum -c -`;

/** The same for PowerShell, where it prints True or False. */
export const checkCommandForPowerShell = (sha256: string): string =>
  `(Get-FileHash -LiteralPath '${PATH_PLACEHOLDER}').Hash -eq '${plainHash(sha256)}'`;
