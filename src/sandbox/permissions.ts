import type { Config } from "../config/config.ts";

export type WorkerName = "ssh" | "transfers" | "downloads";

/** Everything one worker may touch. What is not named here is refused by the runtime. */
export interface WorkerRights {
  readonly worker: WorkerName;
  /** `host:port` each. */
  readonly net: readonly string[];
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/**
 * The table of rights that a configuration yields: one row a worker, none for a worker that it does
 * not need. Environment, subprocesses, system information, foreign code and imports are refused to all.
 */
export function permissionTable(config: Config): WorkerRights[] {
  return [sshRights(config), ...transfersRights(config), downloadsRights(config)];
}

/** The table as a person reads it. */
export function formatPermissions(table: readonly WorkerRights[]): string {
  const lines = table.flatMap((row) => [
    `worker ${row.worker}`,
    `  net    ${list(row.net)}`,
    `  read   ${list(row.read)}`,
    `  write  ${list(row.write)}`,
    `  env, run, sys, ffi, import   none`,
  ]);
  return [...lines, "main isolate", "  all rights given up before the first message", ""].join(
    "\n",
  );
}

/** `host:port` as Deno's net right spells it; an IPv6 address stands in brackets. */
export const hostAndPort = (host: string, port: number | string): string =>
  `${host.includes(":") ? `[${host}]` : host}:${port}`;

function sshRights({ ssh, files }: Config): WorkerRights {
  const key = ssh.login.kind === "key" ? [ssh.login.path] : [];
  // Connecting to a Unix socket needs all three rights on its path (Deno 2.9.4, measured).
  const socket = ssh.login.kind === "agent" ? [ssh.login.socket] : [];
  return {
    worker: "ssh",
    net: [hostAndPort(ssh.host, ssh.port), ...socket.map((path) => `unix:${path}`)],
    read: [...key, ...ssh.knownHostsPaths, ...socket, ...files.roots],
    write: [...socket, ...files.roots],
  };
}

function transfersRights({ imageKit, r2 }: Config): WorkerRights[] {
  const urls = [
    ...(imageKit ? [imageKit.apiUrl, imageKit.uploadUrl, imageKit.urlEndpoint] : []),
    ...(r2 ? [r2.endpoint] : []),
  ];
  if (urls.length === 0) return [];
  return [{ worker: "transfers", net: [...new Set(urls.map(urlHost))], read: [], write: [] }];
}

function downloadsRights({ downloads, files }: Config): WorkerRights {
  const { host, port, portIsFixed, tls } = downloads;
  return {
    worker: "downloads",
    // Port 0 asks for any free port; it is tried only when the default one is taken.
    net: [hostAndPort(host, port), ...(portIsFixed ? [] : [hostAndPort(host, 0)])],
    read: [files.workingDirectory, ...(tls ? [tls.certPath, tls.keyPath] : [])],
    write: [],
  };
}

function urlHost(address: string): string {
  const url = new URL(address);
  return `${url.hostname}:${url.port || (url.protocol === "https:" ? "443" : "80")}`;
}

const list = (values: readonly string[]): string =>
  values.length === 0 ? "none" : values.join(", ");
