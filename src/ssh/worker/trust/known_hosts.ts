import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";

/** One usable line of a known_hosts file. `hosts` is the pattern list or the hashed name as written. */
export interface KnownHostEntry {
  readonly kind: "key" | "revoked" | "authority";
  readonly hosts: string;
  readonly keyType: string;
  /** The key as it travels on the wire, type name included. */
  readonly key: Uint8Array;
  readonly source: string;
  readonly line: number;
}

/** A line that was skipped. `reason` holds nothing of the line itself. */
export interface KnownHostsFault {
  readonly source: string;
  readonly line: number;
  readonly reason: string;
}

export interface KnownHosts {
  readonly entries: KnownHostEntry[];
  readonly faults: KnownHostsFault[];
}

/**
 * Fields that follow the type name in a key of that type. A key of a type that is not here (newer
 * than this program, or a certificate) is kept, but never makes a host count as known.
 *
 * Source: RFC 4253 6.6, RFC 5656 3.1, RFC 8709 4, OpenSSH PROTOCOL.u2f.
 */
const FIELDS_AFTER_TYPE: ReadonlyMap<string, number> = new Map([
  ["ssh-ed25519", 1],
  ["ecdsa-sha2-nistp256", 2],
  ["ecdsa-sha2-nistp384", 2],
  ["ecdsa-sha2-nistp521", 2],
  ["ssh-rsa", 2],
  ["ssh-dss", 4],
  ["sk-ssh-ed25519@openssh.com", 2],
  ["sk-ecdsa-sha2-nistp256@openssh.com", 3],
]);

const KINDS: ReadonlyMap<string, KnownHostEntry["kind"]> = new Map([
  ["@revoked", "revoked"],
  ["@cert-authority", "authority"],
]);

/**
 * Reads the text of one known_hosts file; `source` names it in messages. A malformed line is
 * skipped, as OpenSSH does, and listed in `faults`. Unlike OpenSSH 9.2, a tab may follow a marker
 * on a line that has blanks elsewhere, so that such a revocation is not lost.
 *
 * Source: sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT"; details measured with `ssh-keygen -lF`, 9.2p1.
 */
export function parseKnownHosts(text: string, source: string): KnownHosts {
  const entries: KnownHostEntry[] = [];
  const faults: KnownHostsFault[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const content = raw.replace(/\r$/, "").replace(/^[ \t]+/, "");
    if (content === "" || content.startsWith("#")) continue;
    const parsed = parseLine(content);
    const place = { source, line: index + 1 };
    if (typeof parsed === "string") faults.push({ ...place, reason: parsed });
    else entries.push({ ...parsed, ...place });
  }
  return { entries, faults };
}

/**
 * The name under which a host stands in known_hosts: the bare host on port 22, `[host]:port`
 * otherwise. Lower case, as ssh and ssh-keyscan write it (hashed names depend on the case).
 */
export function knownHostsName(host: string, port: number): string {
  const name = asciiLowerCase(host);
  return port === 22 ? name : `[${name}]:${port}`;
}

/** The entries whose host part covers `name` (from {@linkcode knownHostsName}), in file order. */
export const entriesFor = (entries: readonly KnownHostEntry[], name: string): KnownHostEntry[] =>
  entries.filter((entry) => coversName(entry.hosts, name));

/** The line that makes `key` known for this host, without a line end. */
export const knownHostsLine = (host: string, port: number, key: Uint8Array): string =>
  `${knownHostsName(host, port)} ${keyTypeOf(key)} ${Buffer.from(key).toString("base64")}`;

/** The type name inside a wire key, for example `ssh-ed25519`; `unknown` if there is none. */
export function keyTypeOf(key: Uint8Array): string {
  const name = new TextDecoder().decode(wireFields(key).fields[0]);
  return /^[a-z0-9@.-]{1,64}$/i.test(name) ? name : "unknown";
}

/** Whether this program knows keys of that type, so that one listed makes its host known. */
export const isKnownKeyType = (keyType: string): boolean => FIELDS_AFTER_TYPE.has(keyType);

type ParsedLine = Pick<KnownHostEntry, "kind" | "hosts" | "keyType" | "key">;

function parseLine(content: string): ParsedLine | string {
  const fields = content.split(/[ \t]+/);
  const marker = content.startsWith("@") ? fields.shift() : undefined;
  const kind = marker === undefined ? "key" : KINDS.get(marker);
  if (kind === undefined) return "unknown marker";
  const [hosts = "", keyType = "", base64 = ""] = fields;
  if (hosts.startsWith("@")) return "more than one marker";
  if (hosts.startsWith("|") && hashedName(hosts) === undefined) return "malformed hashed name";
  const key = parseKey(keyType, base64);
  return typeof key === "string" ? key : { kind, hosts, keyType, key };
}

function parseKey(keyType: string, base64: string): Uint8Array | string {
  if (base64 === "") return "no key";
  const key = new Uint8Array(Buffer.from(base64, "base64"));
  // Buffer skips what it cannot read, so only a text that comes back the same was base64.
  if (Buffer.from(key).toString("base64") !== base64) return "the key is not base64";
  if (keyTypeOf(key) !== keyType) return "the key is not of the type named before it";
  const expected = FIELDS_AFTER_TYPE.get(keyType);
  if (expected === undefined) return key;
  const { fields, isWhole } = wireFields(key);
  return isWhole && fields.length === expected + 1 ? key : "the key is incomplete";
}

/** The length-prefixed fields of a wire key, and whether the last one ends where the key ends. */
function wireFields(key: Uint8Array): { fields: Uint8Array[]; isWhole: boolean } {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  const fields: Uint8Array[] = [];
  let offset = 0;
  while (offset + 4 <= key.length) {
    const end = offset + 4 + view.getUint32(offset);
    if (end > key.length) break;
    fields.push(key.subarray(offset + 4, end));
    offset = end;
  }
  return { fields, isWhole: offset === key.length };
}

function coversName(hosts: string, name: string): boolean {
  const hashed = hashedName(hosts);
  if (hashed !== undefined) {
    return createHmac("sha1", hashed.salt).update(name).digest("base64") === hashed.hash;
  }
  let isCovered = false;
  for (const item of asciiLowerCase(hosts).split(",")) {
    const isNegated = item.startsWith("!");
    if (!matchesPattern(name, isNegated ? item.slice(1) : item)) continue;
    if (isNegated) return false;
    isCovered = true;
  }
  return isCovered;
}

/** Salt and hash of `|1|salt|hash`. Source: host_hash() in OpenSSH's hostfile.c (20-byte salt). */
function hashedName(hosts: string): { salt: Buffer; hash: string } | undefined {
  const [, base64 = "", hash = ""] = /^\|1\|([A-Za-z0-9+/]{27}=)\|(.*)$/.exec(hosts) ?? [];
  return base64 === "" ? undefined : { salt: Buffer.from(base64, "base64"), hash };
}

/** Knows `*` and `?` only: brackets are literal here. Never exponential, whatever a file holds. */
function matchesPattern(name: string, pattern: string): boolean {
  let at = 0, next = 0, star = -1, starAt = 0;
  while (at < name.length) {
    const wanted = pattern[next];
    if (wanted === "*") {
      star = next++;
      starAt = at;
    } else if (wanted === "?" || wanted === name[at]) {
      at++;
      next++;
    } else if (star >= 0) {
      next = star + 1;
      at = ++starAt;
    } else return false;
  }
  return /^\**$/.test(pattern.slice(next));
}

const asciiLowerCase = (text: string): string =>
  text.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase());
