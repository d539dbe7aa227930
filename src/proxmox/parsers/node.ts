import * as z from "zod";
import { unreadable } from "../errors.ts";
import { firstMatch } from "./json_output.ts";
import { number, parseList, text, time } from "./pvesh.ts";

const amount = z.object({ used: number, total: number }).optional().catch(undefined);

const nodeStatus = z.object({
  pveversion: z.string(),
  kversion: text,
  uptime: number,
  loadavg: z.array(z.coerce.number()).optional().catch(undefined),
  cpuinfo: z.object({ model: text, cpus: number }).optional().catch(undefined),
  memory: amount,
  swap: amount,
  rootfs: amount,
});

/** What a node says of itself; sizes in bytes. */
export type NodeStatus = z.infer<typeof nodeStatus>;

/**
 * Parses `pvesh get /nodes/N/status`.
 *
 * Source: pve-manager 14a22df PVE/API2/Nodes.pm:352-550; load averages are text.
 *
 * @throws RemoteExecError `internal` if it is not the expected JSON
 */
export function parseNodeStatus(stdout: string): NodeStatus {
  return firstMatch(nodeStatus, stdout) ?? fail(stdout);
}

function fail(stdout: string): never {
  throw unreadable("pvesh", stdout.slice(0, 100));
}

const clusterEntry = z.object({
  type: z.enum(["cluster", "node"]),
  name: z.string(),
  quorate: number,
  local: number,
  online: number,
});

/** The cluster as one node sees it. */
export interface ClusterStatus {
  /** Undefined for a node that is in no cluster. */
  readonly cluster?: { readonly name: string; readonly isQuorate: boolean };
  readonly nodes: readonly { readonly name: string; readonly isOnline: boolean }[];
  /** The node that was asked. */
  readonly local?: string;
}

/** Parses `pvesh get /cluster/status`, whose order is random. A node alone has no entry `cluster`. */
export function parseClusterStatus(stdout: string): ClusterStatus {
  const entries = parseList(clusterEntry, stdout);
  const cluster = entries.find(({ type }) => type === "cluster");
  const nodes = entries.filter(({ type }) => type === "node");
  const local = nodes.find((entry) => entry.local === 1)?.name;
  return {
    ...(cluster === undefined
      ? {}
      : { cluster: { name: cluster.name, isQuorate: cluster.quorate === 1 } }),
    nodes: nodes.map(({ name, online }) => ({ name, isOnline: online === 1 }))
      .sort((a, b) => a.name < b.name ? -1 : 1),
    ...(local === undefined ? {} : { local }),
  };
}

const storage = z.object({
  storage: z.string(),
  type: text,
  content: text,
  active: number,
  enabled: number,
  used: number,
  total: number,
});

/** A storage and how full it is, in bytes. */
export type StorageStatus = z.infer<typeof storage>;

/** Parses `pvesh get /nodes/N/storage`, sorted by name. */
export const parseStorageStatus = (stdout: string): StorageStatus[] =>
  parseList(storage, stdout).sort((a, b) => a.storage < b.storage ? -1 : 1);

const update = z.object({ Package: z.string(), OldVersion: text, Version: text });

/** A package that a newer version exists for. */
export interface PendingUpdate {
  readonly name: string;
  /** Undefined for a package that would be new. */
  readonly from?: string;
  readonly to?: string;
}

/** Parses `pvesh get /nodes/N/apt/update`. */
export const parseUpdates = (stdout: string): PendingUpdate[] =>
  parseList(update, stdout).map(({ Package, OldVersion, Version }) => ({
    name: Package,
    ...(OldVersion === undefined ? {} : { from: OldVersion }),
    ...(Version === undefined ? {} : { to: Version }),
  })).sort((a, b) => a.name < b.name ? -1 : 1);

const certificate = z.object({
  filename: z.string(),
  subject: text,
  issuer: text,
  notafter: time,
});

/** A certificate of a node. */
export type Certificate = z.infer<typeof certificate>;

/**
 * Parses `pvesh get /nodes/N/certificates/info` into the certificate of the web page: the node's own
 * one, unless an uploaded or ACME one replaces it.
 */
export function parseCertificate(stdout: string): Certificate | undefined {
  const all = parseList(certificate, stdout);
  const named = (name: string) => all.find(({ filename }) => filename === name);
  return named("pveproxy-ssl.pem") ?? named("pve-ssl.pem");
}

/** Parses `systemctl list-units --failed --plain --no-legend` into the names of the units. */
export const parseFailedUnits = (stdout: string): string[] =>
  stdout.split("\n").flatMap((line) => {
    const unit = /^(\S+\.\w+) +\S+ +failed\b/.exec(line.trim())?.[1];
    return unit === undefined ? [] : [unit];
  });
