import { BadValue, parsePort } from "./values.ts";

/** One host of a ProxyJump, as written. */
export interface JumpSpec {
  readonly user: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
}

/**
 * Parses the value of a ProxyJump: hosts in the order in which they are passed; none for `none`.
 *
 * Source: OpenSSH 9.2 readconf.c parse_jump(), misc.c parse_user_host_port() and parse_uri().
 *
 * @throws BadValue
 */
export function parseJumps(value: string): JumpSpec[] {
  if (value.toLowerCase() === "none") return [];
  return value.replace(/#.*/s, "").replace(/\s+$/, "").split(",").map(parseJump);
}

function parseJump(text: string): JumpSpec {
  const uri = /^ssh:\/\/([^/]*)(\/?)$/.exec(text);
  if (text.startsWith("ssh://") && uri === null) throw bad(text);
  const place = uri?.[1] ?? text;
  const at = uri === null ? place.lastIndexOf("@") : place.indexOf("@");
  const written = at < 0 ? undefined : place.slice(0, at);
  const user = uri === null || written === undefined ? written : decoded(written);
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:/[]*))(?:[:/](.*))?$/.exec(
    place.slice(at + 1),
  ) ?? [];
  const host = bracketed ?? plain ?? "";
  if (host === "" || user === "") throw bad(text);
  return { user, host, port: port ? parsePort(port) : undefined };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replace(/;.*/s, ""));
  } catch {
    throw bad(text);
  }
}

const bad = (text: string) => new BadValue(`names ${JSON.stringify(text)}, which is no jump host`);

/** Writes a chain in the form of `ssh -G`: the last host in full, those before it as written. */
export function formatJumps(value: string): string {
  const jumps = parseJumps(value);
  const last = jumps.at(-1);
  if (last === undefined) return "none";
  const before = value.replace(/,[^,]*$/, "");
  const isAddress = last.host.includes(":") || /^[\d.]*$/.test(last.host);
  const host = isAddress ? `[${last.host}]` : last.host;
  return [
    jumps.length > 1 ? `${before},` : "",
    last.user === undefined ? "" : `${last.user}@`,
    host,
    last.port === undefined ? "" : `:${last.port}`,
  ].join("");
}
