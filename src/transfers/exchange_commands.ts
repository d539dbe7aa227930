import { shellQuote } from "../shell_quote.ts";
import { PATH_PLACEHOLDER } from "./path_placeholder.ts";
import type { UploadTicket } from "./port.ts";

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
    `-H ${shellQuote(`${name}: ${value}`)}`
  );
  return [
    "curl -fsgS -H 'Expect:'",
    ...options,
    `-T '${PATH_PLACEHOLDER}'`,
    String.raw`-w 'HTTP %{http_code}\n'`,
    shellQuote(url),
  ].join(" ");
}

/** A command that downloads to a file; run again after a cut it goes on where it stopped. */
export const downloadCommand = (url: string): string =>
  `curl -fgSL --retry 5 -C - -o '${PATH_PLACEHOLDER}' ${shellQuote(url)}`;

/** The same for PowerShell, where `curl` may be another program. Quoting is alike, as no value holds a quote. */
export const forPowerShell = (command: string): string => command.replace(/^curl /, "curl.exe ");
