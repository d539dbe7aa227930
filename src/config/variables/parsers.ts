import { isIp, isIpv6 } from "./ip_address.ts";

/** Parses the text of a variable. Throws a {@linkcode ValueError} that says what is required. */
export type Parser<T> = (text: string) => T;

/** What is required of a value, as the end of a sentence: "must be …". */
export class ValueError extends Error {
  override readonly name = "ValueError";

  /** @param plausible the forms of a mistyped value; any other value may be a secret and is not shown */
  constructor(message: string, readonly plausible: RegExp = /^/) {
    super(message);
  }
}

/** A number with or without a unit, or a short word. */
const NEARLY_NUMBER = /^\s*[+-]?[\d.,_]{0,20}( ?[A-Za-z]{1,3}| [A-Za-z]{1,8})?\s*$/;
/** Whatever is refused as a login name may be a password. */
const NOTHING = /^\b$/;
const NEARLY_WORD = /^\s*["']?([A-Za-z]{1,8}|\d{1,3})["',;.]?\s*$/;

/** Any text. */
export const text: Parser<string> = (value) => value;

/** A text that a program reads as one line. */
export const oneLine: Parser<string> = (value) => {
  if (!/[\n\r\0]/.test(value)) return value;
  throw new ValueError("must be one line", NOTHING);
};

/** A login name. With `:` or `/` it would be a URL or a login with its password. */
export const loginName: Parser<string> = (value) => {
  const name = value.trim();
  if (/^[^:/\p{Cc}]+$/u.test(name)) return name;
  throw new ValueError("must be a login name, without password, scheme or host", NOTHING);
};

const MIN_KEY_LENGTH = 16;

/** A key that strangers must not guess. Clients send it in a header. */
export const apiKey: Parser<string> = (value) => {
  const key = value.trim();
  if (key.length < MIN_KEY_LENGTH) {
    throw new ValueError(`must have at least ${MIN_KEY_LENGTH} characters`);
  }
  if (/^[ -~]+$/.test(key)) return key;
  throw new ValueError("must have only ASCII characters");
};

/** `true` or `false`, in any case. Anything else is a fault: a typo must not turn a setting off. */
export const boolean: Parser<boolean> = (value) => {
  const word = value.trim().toLowerCase();
  if (word === "true") return true;
  if (word === "false") return false;
  throw new ValueError("must be true or false", NEARLY_WORD);
};

/** `on` or `off`; `true` and `false` too. */
export const onOff: Parser<boolean> = (value) => {
  const word = value.trim().toLowerCase();
  if (word === "on" || word === "true") return true;
  if (word === "off" || word === "false") return false;
  throw new ValueError("must be on or off", NEARLY_WORD);
};

/** A whole number within bounds. */
export const integer = (min: number, max: number): Parser<number> => (value) => {
  const number = /^\d+$/.test(value.trim()) ? Number(value.trim()) : NaN;
  if (Number.isSafeInteger(number) && number >= min && number <= max) return number;
  throw new ValueError(`must be a whole number from ${min} to ${max}`, NEARLY_NUMBER);
};

/** Words in lower case, separated by commas. An empty list is a fault: it would mean everything or nothing. */
export const words: Parser<readonly string[]> = (value) => {
  const list = value.split(",").map((word) => word.trim().toLowerCase().replace(/^-\s+/, "-"))
    .filter((word) => word !== "" && word !== "-");
  if (list.length > 0) return list;
  throw new ValueError("must be names separated by commas");
};

/** One word of a list, in any case. */
export const oneOf = <const W extends string>(words: readonly W[]): Parser<W> => (value) => {
  const word = words.find((each) => each === value.trim().toLowerCase());
  if (word !== undefined) return word;
  throw new ValueError(`must be one of ${words.join(", ")}`, NEARLY_WORD);
};

/** A host name or IP address, for connecting and for Deno's `net` permission. */
export const host: Parser<string> = (value) => {
  const name = value.trim().replace(/^\[(.*)\]$/, "$1");
  const isName = /^[A-Za-z0-9._-]+$/.test(name) && !name.startsWith("-");
  if (isName || isIpv6(name)) return name;
  throw new ValueError("must be a host name or an IP address, without user, scheme or port");
};

/** Names of hosts or patterns with `*` and `?`, separated by commas; addresses count as names. */
export const hostNames: Parser<readonly string[]> = (value) => {
  const names = value.split(",").map((name) => name.trim()).filter((name) => name !== "");
  const isName = (name: string) => /^[A-Za-z0-9*?_][A-Za-z0-9._*?-]*$/.test(name) || isIpv6(name);
  if (names.length > 0 && names.every(isName)) return names;
  throw new ValueError(
    "must be host names separated by commas, without user, scheme or port",
    /^[\w.*?, -]*$/,
  );
};

/** An IP address to listen on. `localhost` becomes 127.0.0.1; other names are refused, because they may be another machine's. */
export const listenAddress: Parser<string> = (value) => {
  const name = value.trim().replace(/^\[(.*)\]$/, "$1");
  if (name.toLowerCase() === "localhost") return "127.0.0.1";
  if (isIp(name)) return name;
  throw new ValueError("must be an IP address of this machine, or localhost");
};

/** An `http` or `https` URL without credentials, query or fragment; final slashes are removed. */
export const baseUrl: Parser<string> = (value) => {
  const url = URL.parse(value.trim());
  // Paths are appended to the text, which an empty query or fragment would swallow.
  const plain = url !== null && !url.username && !url.password && !/[?#]/.test(url.href);
  if (plain && (url.protocol === "https:" || url.protocol === "http:")) {
    return url.href.replace(/\/+$/, "");
  }
  throw new ValueError("must be an http or https URL without credentials or query");
};

/** A name that is safe in a URL path and an object key: letters, digits, `.`, `_`, `-`. */
export const plainName: Parser<string> = (value) => {
  const name = value.trim();
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return name;
  throw new ValueError("must consist of letters, digits, '.', '_' and '-'");
};

/** A name for people: one line of up to 80 characters, none of which turns the direction of text. */
export const label: Parser<string> = (value) => {
  const name = value.trim();
  if (/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,80}$/u.test(name)) return name;
  throw new ValueError("must be one line of 1 to 80 characters", /^[\p{L}\p{N} .,_-]*$/u);
};

/** A folder of a storage service: `/` and plain names, without a final slash. */
export const folder: Parser<string> = (value) => {
  const path = `/${value.trim().replace(/^\/+|\/+$/g, "")}`;
  if (/^(\/[A-Za-z0-9_-]+)+$/.test(path)) return path;
  throw new ValueError("must be a folder of letters, digits, '_' and '-', like /mcp-remote-exec");
};
