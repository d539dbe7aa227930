import { shellQuote } from "../../shell/quote.ts";
import { address, oneLine, PATH_PLACEHOLDER } from "../command_words.ts";

/** One command for POSIX shells and the same for PowerShell, where `curl` alone may be another program. */
export interface CommandPair {
  readonly sh: string;
  readonly powershell: string;
}

/** A form for the upload endpoint. */
export interface UploadForm {
  readonly url: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** How a path with odd characters is written in the place of {@linkcode PATH_PLACEHOLDER}. */
export const UPLOAD_QUOTING =
  `Spaces, ";" and "," in the path need nothing. In sh write " as \\" and \\ as \\\\ and ' as '\\''; ` +
  `in PowerShell write the path as it is, but with / instead of \\ when it begins with \\\\.`;

/** The same for the download command. */
export const DOWNLOAD_QUOTING =
  `Spaces, ";", "," and " in the path need nothing. In sh write ' as '\\''; in PowerShell as ''.`;

/**
 * The command that sends a file to ImageKit. It works once: the token is used up even by a failure,
 * so nothing in it repeats the request.
 */
export function uploadCommand({ url, fields }: UploadForm): CommandPair {
  const pairs = fields.map(([name, value]) => oneLine(`${name}=${value}`));
  // Inside its own double quotes curl leaves ; and , in a file name alone; --form-string leaves the
  // values alone. Without "Expect:" a proxy that does not know it costs a second.
  const sh = [
    `curl -sS -X POST ${shellQuote(address(url))} -H 'Expect:'`,
    `-F 'file=@"${PATH_PLACEHOLDER}"'`,
    ...pairs.map((pair) => `--form-string ${shellQuote(pair)}`),
    `-w '\\nHTTP %{http_code}\\n'`,
  ].join(" \\\n  ");
  const powershell = [
    `curl.exe --% -sS -X POST ${windowsQuote(address(url))} -H "Expect:"`,
    `-F "file=@\\"${PATH_PLACEHOLDER}\\""`,
    ...pairs.map((pair) => `--form-string ${windowsQuote(pair)}`),
    `-w "\\nHTTP %{http_code}\\n"`,
  ].join(" ");
  return { sh, powershell };
}

/** The command that fetches a file; -f keeps an error page from being stored under its name. */
export function downloadCommand(url: string): CommandPair {
  return {
    sh: `curl -fsSL -o '${PATH_PLACEHOLDER}' ${shellQuote(address(url))}`,
    powershell: `curl.exe -fsSL -o '${PATH_PLACEHOLDER}' '${url.replaceAll("'", "''")}'`,
  };
}

/**
 * Quotes one word behind PowerShell's `--%`, where the rest of the line reaches the program as it is:
 * versions of PowerShell differ in how they pass a double quote on, but not there.
 * Source: Microsoft, about_Parsing, "The stop-parsing token".
 */
function windowsQuote(word: string): string {
  const escaped = word.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1");
  return `"${escaped}"`;
}
