import { fileURLToPath } from "node:url";
import type {
  Config,
  HostConfig,
  HostsConfig,
  Login,
  OfferConfig,
  SshConfig,
} from "../config/config.ts";
import { usableHosts } from "../config/ssh/hosts.ts";
import { keyPaths } from "../config/ssh/login.ts";
import type { Permissions } from "./deno_permissions.ts";
import { offers, offersFamily, usedServices } from "../config/offer.ts";

export type WorkerName = "ssh" | "launcher" | "transfers" | "downloads";

/** Everything that one worker may touch. The runtime refuses the rest. */
export interface WorkerPermissions extends Permissions {
  readonly worker: WorkerName;
  /** With several hosts: the host of an ssh worker. */
  readonly host?: string;
  /** Why the host cannot be used; it then has no worker. */
  readonly unusable?: string;
  /** Where values come from, if the SSH configuration names them: `FILE:LINE`, for people. */
  readonly origins?: ReadonlyMap<string, string>;
}

/**
 * Returns the permissions that the offered tools of a configuration need: one row per worker, none for a
 * worker that no tool needs. The ssh worker always has one, which may be empty; with several hosts, each host
 * has one, in their order, and the launcher has all of these permissions together. Environment, subprocesses,
 * system information, FFI and imports are refused to all.
 *
 * @param modules what the launcher must read to start a worker
 */
export function permissionTable(
  config: Config,
  modules: readonly string[] = moduleFiles(),
): WorkerPermissions[] {
  const { ssh, hosts } = config;
  const rows = hosts === undefined ? [sshRow(config, ssh)] : hostRows(config, hosts);
  const launcher = hosts === undefined ? [] : [launcherRow(rows, modules)];
  return [...launcher, ...rows, ...transfersRow(config), ...downloadsRow(config)];
}

/** The compiled program has its modules in itself. Source: measured on Deno 2.9.4. */
const moduleFiles = (): string[] =>
  Deno.build.standalone
    ? []
    : [fileURLToPath(new URL("..", import.meta.url)).replace(/[\\/]$/, "")];

/** The text that `mcp-remote-exec permissions` prints. */
export const describeAccess = (config: Config): string =>
  formatOffer(config.offer) + usableHosts(config).map(formatHost).join("") +
  formatPermissions(permissionTable(config));

/** What the SSH configuration says about the host, with file and line; empty if it says nothing. */
export const formatHost = (ssh: HostConfig): string =>
  [...ssh.jumps ?? [], ssh].map((host) => {
    const { sources = [] } = host;
    if (sources.length === 0) return "";
    const lines = sources.map(({ keyword, value, place }) =>
      `  ${keyword.padEnd(22)} ${value} (${place})`
    );
    const title = `${host === ssh ? "host" : "jump host"} ${nameOf(host)}`;
    return `${[title, ...lines].join("\n")}\n`;
  }).join("");

/** Returns the name of a host as a person wrote it. */
export const nameOf = ({ alias, host }: HostConfig): string => alias ?? host;

/** What READ_ONLY and TOOLS leave; empty if neither is set. */
export function formatOffer({ readOnly, words, tools }: OfferConfig): string {
  if (!readOnly && words.length === 0) return "";
  const lines = [
    "offered tools",
    `  READ_ONLY  ${readOnly}`,
    `  TOOLS      ${words.length === 0 ? "all" : words.join(", ")}`,
    `  tools      ${list(tools)}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** The table as text. */
export function formatPermissions(table: readonly WorkerPermissions[]): string {
  const lines = table.flatMap((row) => [
    `worker ${row.host === undefined ? row.worker : `host ${row.host}`}`,
    ...(row.unusable === undefined ? [] : [`  unusable   ${row.unusable}`]),
    `  net    ${list(row.net, row.origins)}`,
    `  read   ${list(row.read, row.origins)}`,
    `  write  ${list(row.write, row.origins)}`,
    `  env, run, sys, ffi, import   none`,
  ]);
  return [...lines, "main isolate", "  all permissions dropped before the first message", ""].join(
    "\n",
  );
}

/** `host:port` as Deno's `net` permission takes it; an IPv6 address gets brackets. */
export const hostAndPort = (host: string, port: number | string): string =>
  `${host.includes(":") ? `[${host}]` : host}:${port}`;

function hostRows(config: Config, { list }: HostsConfig): WorkerPermissions[] {
  return list.map(({ name, ssh, fault }) =>
    ssh === undefined
      ? { worker: "ssh", host: name, ...NOTHING, unusable: fault?.message ?? "not configured" }
      : { ...sshRow(config, ssh), host: name }
  );
}

const NOTHING: Permissions = { net: [], read: [], write: [] };

/** A worker that starts another one cannot give it more than it has. */
function launcherRow(
  rows: readonly Permissions[],
  modules: readonly string[],
): WorkerPermissions {
  const all = (kind: keyof Permissions) => [...new Set(rows.flatMap((row) => row[kind]))];
  const read = [...new Set([...modules, ...all("read")])];
  return { worker: "launcher", net: all("net"), read, write: all("write") };
}

function sshRow({ files, offer }: Config, ssh: SshConfig): WorkerPermissions {
  if (!offers(offer, "host")) return { worker: "ssh", net: [], read: [], write: [] };
  const written = offers(offer, "local target") ? files.roots : [];
  // Resolving the path of a file to be written reads.
  const read = offers(offer, "local source") ? files.roots : written;
  const row = connectionRow(ssh);
  return { ...row, read: [...row.read, ...read], write: [...row.write, ...written] };
}

/** Returns what a worker needs to connect to a host, and nothing for files. */
export function connectionRow(ssh: HostConfig): WorkerPermissions {
  const { jumps = [] } = ssh;
  const hosts = [...jumps, ssh];
  // What is behind a jump host is reached through it alone.
  const [first = ssh] = jumps;
  const key = unique(hosts.flatMap(({ login }) => keyPaths(login)));
  const knownHosts = unique(hosts.flatMap(({ knownHostsPaths }) => knownHostsPaths));
  // Connecting to a Unix socket needs net, read and write on its path (measured on Deno 2.9.4).
  const socket = unique(hosts.flatMap(({ login }) => socketsOf(login)));
  const origins = new Map(hosts.flatMap((host) => [...originsOf(host)]));
  return {
    worker: "ssh",
    net: [hostAndPort(first.host, first.port), ...socket.map((path) => `unix:${path}`)],
    read: [...key, ...knownHosts, ...socket],
    write: socket,
    ...(origins.size === 0 ? {} : { origins }),
  };
}

const unique = (values: readonly string[]): string[] => [...new Set(values)];

function socketsOf(login: Login): string[] {
  if (login.kind !== "agent" && login.kind !== "keys") return [];
  return login.socket === undefined ? [] : [login.socket];
}

function originsOf({ host, port, login, sources = [] }: HostConfig): Map<string, string> {
  const placesOf = (...keywords: readonly string[]) =>
    sources.filter(({ keyword }) => keywords.includes(keyword));
  const address = placesOf("HostName", "Port").map(({ place }) => place).join(", ");
  const named = login.kind === "keys"
    ? [...login.keys, ...login.certificates ?? []]
    : login.kind === "key"
    ? [login]
    : [];
  const pairs = [
    [hostAndPort(host, port), address],
    ...placesOf("UserKnownHostsFile", "GlobalKnownHostsFile").map((
      { value, place },
    ) => [value, place]),
    ...named.map(({ path, place }) => [path, place]),
    ...socketsOf(login).flatMap((path) =>
      [path, `unix:${path}`].map((each) => [each, "place" in login ? login.place : undefined])
    ),
  ] as const;
  return new Map(pairs.flatMap(([value = "", place]) => place ? [[value, place] as const] : []));
}

function transfersRow(config: Config): WorkerPermissions[] {
  const { imageKit, r2 } = usedServices(config);
  const urls = [
    ...(imageKit ? [imageKit.apiUrl, imageKit.uploadUrl, imageKit.urlEndpoint] : []),
    ...(r2 ? [r2.endpoint] : []),
  ];
  if (urls.length === 0) return [];
  return [{ worker: "transfers", net: [...new Set(urls.map(urlHost))], read: [], write: [] }];
}

function downloadsRow({ downloads, files, offer }: Config): WorkerPermissions[] {
  if (!offersFamily(offer, "links")) return [];
  // Without links, the worker only reports that there are none.
  if (!offers(offer, "serves")) return [{ worker: "downloads", net: [], read: [], write: [] }];
  const { host, port, portIsFixed, tls } = downloads;
  return [{
    worker: "downloads",
    // Port 0 is any free port; it is tried only when the default port is taken.
    net: [hostAndPort(host, port), ...(portIsFixed ? [] : [hostAndPort(host, 0)])],
    read: [files.workingDirectory, ...(tls ? [tls.certPath, tls.keyPath] : [])],
    write: [],
  }];
}

function urlHost(text: string): string {
  const url = new URL(text);
  return `${url.hostname}:${url.port || (url.protocol === "https:" ? "443" : "80")}`;
}

const list = (values: readonly string[], origins?: ReadonlyMap<string, string>): string =>
  values.length === 0 ? "none" : values.map((value) => {
    const origin = origins?.get(value);
    return origin === undefined ? value : `${value} (${origin})`;
  }).join(", ");
