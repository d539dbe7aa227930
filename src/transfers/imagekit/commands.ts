import { shellQuote } from "../../shell/quote.ts";
import { oneLine, PATH_PLACEHOLDER, plainUrl } from "../command_words.ts";

/** One command for POSIX shells, and the same for PowerShell, where `curl` may be another program. */
export interface CommandPair {
  readonly sh: string;
  readonly powershell: string;
}

/** A form for the upload endpoint. */
export interface UploadForm {
  readonly url: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** How to write a path with special characters instead of {@linkcode PATH_PLACEHOLDER}. */
export const UPLOAD_QUOTING =
  `Spaces, ";" and "," in the path need no escaping. In sh write " as \\" and \\ as \\\\ and ' as '\\''; ` +
  `in PowerShell write the path as it is, but with / instead of \\ when it starts with \\\\.`;

/** The same for the download command. */
export const DOWNLOAD_QUOTING =
  `Spaces, ";", "," and " in the path need no escaping. In sh write ' as '\\''; in PowerShell as ''.`;

/**
 * Returns the command that uploads a file to ImageKit. It works once: a failure uses up the token
 * too, so the command does not retry.
 */
export function uploadCommand({ url, fields }: UploadForm): CommandPair {
  const pairs = fields.map(([name, value]) => oneLine(`${name}=${value}`));
  // curl keeps ; and , in a file name only inside double quotes. --form-string keeps values as they
  // are. The empty "Expect:" saves a second at proxies that do not support it.
  const sh = [
    `curl -sS -X POST ${shellQuote(plainUrl(url))} -H 'Expect:'`,
    `-F 'file=@"${PATH_PLACEHOLDER}"'`,
    ...pairs.map((pair) => `--form-string ${shellQuote(pair)}`),
    `-w '\\nHTTP %{http_code}\\n'`,
  ].join(" \\\n  ");
  const powershell = [
    `curl.exe --% -sS -X POST ${windowsQuote(plainUrl(url))} -H "Expect:"`,
    `-F "file=@\\"${PATH_PLACEHOLDER}\\""`,
    ...pairs.map((pair) => `--form-string ${windowsQuote(pair)}`),
    `-w "\\nHTTP %{http_code}\\n"`,
  ].join(" ");
  return { sh, powershell };
}

/** Returns the command that downloads a file. With -f, curl does not save an error page as the file. */
export function downloadCommand(url: string): CommandPair {
  return {
    sh: `curl -fsSL -o '${PATH_PLACEHOLDER}' ${shellQuote(plainUrl(url))}`,
    powershell: `curl.exe -fsSL -o '${PATH_PLACEHOLDER}' '${url.replaceAll("'", "''")}'`,
  };
}

/**
 * Quotes one word after PowerShell's `--%`, where the rest of the line reaches the program unchanged.
 * Elsewhere the versions of PowerShell differ in how they pass a double quote.
 * Source: Microsoft, about_Parsing, "The stop-parsing token".
 */
function windowsQuote(word: string): string {
  const escaped = word.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1");
  return `"${escaped}"`;
}
