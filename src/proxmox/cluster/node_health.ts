import type { Clock } from "../../async/clock.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { outputOf, type ProxmoxHost } from "../host.ts";
import {
  type Certificate,
  type ClusterStatus,
  type NodeStatus,
  parseCertificate,
  parseClusterStatus,
  parseFailedUnits,
  parseNodeStatus,
  parseStorageStatus,
  parseUpdates,
  type PendingUpdate,
  type StorageStatus,
} from "../parsers/node.ts";
import { errorOfPart } from "../problem.ts";

const DAY_S = 86_400;
/** Below this many days a certificate is a problem: pveupdate renews one two weeks before its end. */
const CERTIFICATE_DAYS = 14;
const FULL = 0.9;

/** A part of a node's health that could not be read. */
export interface UnreadPart {
  readonly part: string;
  readonly reason: string;
}

/** The health of a node. A part that could not be read is undefined and named in `unread`. */
export interface NodeHealth {
  readonly status: NodeStatus;
  readonly cluster: ClusterStatus | undefined;
  readonly storages: readonly StorageStatus[] | undefined;
  readonly failedUnits: readonly string[] | undefined;
  readonly updates: readonly PendingUpdate[] | undefined;
  readonly certificate: Certificate | undefined;
  /** Until the certificate's end; negative afterwards. */
  readonly certificateDays: number | undefined;
  readonly unread: readonly UnreadPart[];
  /** What needs attention, one sentence each. */
  readonly problems: readonly string[];
}

/** Reads the health of the node that HOST names. */
export class NodeHealthReader {
  readonly #host: ProxmoxHost;
  readonly #clock: Clock;

  constructor(host: ProxmoxHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  /**
   * Reads all parts at the same time, so that they cost the round trips of one. Updates are those that the
   * node already knows of: nothing is refreshed.
   *
   * @throws RemoteExecError if the node's own status cannot be read, or if the call was ended
   */
  async read(context: ToolContext): Promise<NodeHealth> {
    const local = "/nodes/localhost";
    const get = (path: string) => this.#get(path, context);
    const readings = {
      status: get(`${local}/status`).then(parseNodeStatus),
      cluster: get("/cluster/status").then(parseClusterStatus),
      storages: get(`${local}/storage`).then(parseStorageStatus),
      failedUnits: this.#failedUnits(context).then(parseFailedUnits),
      updates: get(`${local}/apt/update`).then(parseUpdates),
      certificate: get(`${local}/certificates/info`).then(parseCertificate),
    };
    const looks = await Promise.allSettled(Object.values(readings));
    const unread = Object.keys(readings).flatMap((part, index) => unreadPart(part, looks[index]));
    const valueOf = <T>(reading: Promise<T>) => reading.catch(() => undefined);
    const certificate = await valueOf(readings.certificate);
    const health = {
      status: await readings.status,
      cluster: await valueOf(readings.cluster),
      storages: await valueOf(readings.storages),
      failedUnits: await valueOf(readings.failedUnits),
      updates: await valueOf(readings.updates),
      certificate,
      certificateDays: certificate?.notafter === undefined
        ? undefined
        : Math.floor((certificate.notafter - this.#clock.now() / 1000) / DAY_S),
    };
    return { ...health, unread, problems: problemsOf(health) };
  }

  async #get(path: string, { signal }: ToolContext): Promise<string> {
    const call = { signal, progress: undefined, action: ACTION };
    return outputOf(await this.#host.get(path, [], call), ACTION);
  }

  async #failedUnits({ signal }: ToolContext): Promise<string> {
    const call = { signal, progress: undefined, action: ACTION };
    return outputOf(await this.#host.run(FAILED_UNITS, call), ACTION);
  }
}

const ACTION = "Reading the status of the node";

/** All units, of which Proxmox VE's own list has only some. */
const FAILED_UNITS = [
  "systemctl",
  ...["list-units", "--failed", "--plain", "--no-legend", "--no-pager"],
] as const;

/** @throws the error if it concerns the call itself */
function unreadPart(
  part: string,
  look: PromiseSettledResult<unknown> | undefined,
): UnreadPart[] {
  if (look?.status !== "rejected") return [];
  return [{ part: PARTS[part] ?? part, reason: errorOfPart(look.reason).message }];
}

/** The parts as answers name them. */
const PARTS: Readonly<Record<string, string>> = {
  cluster: "cluster",
  storages: "storages",
  failedUnits: "failed services",
  updates: "updates",
  certificate: "certificate",
};

function problemsOf(
  { status, cluster, storages = [], failedUnits = [], certificateDays }: Omit<
    NodeHealth,
    "unread" | "problems"
  >,
): string[] {
  return [
    ...(cluster?.cluster?.isQuorate === false
      ? [`The cluster ${cluster.cluster.name} has no quorum`]
      : []),
    ...(cluster?.nodes ?? []).filter(({ isOnline }) => !isOnline)
      .map(({ name }) => `The node ${name} is offline`),
    ...failedUnits.map((unit) => `The service ${unit} has failed`),
    ...storages.filter(({ enabled, active }) => enabled !== 0 && active === 0)
      .map(({ storage }) => `The storage ${storage} is not active`),
    ...storages.filter(isFull).map(({ storage }) => `The storage ${storage} is nearly full`),
    ...(isFull(status.rootfs ?? {}) ? ["The root file system is nearly full"] : []),
    ...(certificateDays !== undefined && certificateDays < CERTIFICATE_DAYS
      ? [certificateDays < 0 ? "The certificate has expired" : "The certificate expires soon"]
      : []),
  ];
}

const isFull = (
  { used, total }: { readonly used?: number | undefined; readonly total?: number | undefined },
): boolean => used !== undefined && total !== undefined && total > 0 && used / total >= FULL;
