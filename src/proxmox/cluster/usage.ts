import type { ToolContext } from "../../mcp/tool.ts";
import { guestMissing } from "../errors.ts";
import { container } from "../guests/guest.ts";
import { type HostAnswer, outputOf, type ProxmoxHost } from "../host.ts";
import { parseNodeTraffic, parseResources, type Resource } from "../parsers/pvesh.ts";

const ACTION = "Reading the usage";
/** The traffic of each node costs one command; larger clusters are reported without it. */
const MAX_NODES = 8;

/** Bytes; left out where they are not known. */
export interface Share {
  readonly used?: number;
  readonly total?: number;
}

/** What a node, container or VM uses. */
export interface UsageRow {
  readonly name: string;
  /** Undefined for a node. */
  readonly id?: number;
  /** Undefined if the cluster does not say. */
  readonly node?: string;
  readonly status: string;
  /** Percent of all CPUs. */
  readonly cpuPercent?: number;
  readonly cpus?: number;
  readonly memory: Share;
  readonly disk: Share;
  /** For guests bytes since the start; for nodes bytes per second. */
  readonly network?: { readonly in: number; readonly out: number };
  readonly uptimeSeconds?: number;
}

/** Usage of the cluster. */
export interface ClusterUsage {
  readonly nodes: readonly UsageRow[];
  readonly containers: readonly UsageRow[];
  readonly vms: readonly UsageRow[];
}

/** Reads the resource usage of the cluster. */
export class Usage {
  readonly #host: ProxmoxHost;

  constructor(host: ProxmoxHost) {
    this.#host = host;
  }

  /**
   * Returns the usage by node and guest, at most a minute old. It is read from the cluster: a node's own
   * list of guests always shows 0 % CPU when it is read from the shell.
   *
   * @param only the ID of one container or VM, to return only it and its node
   * @throws RemoteExecError `not_found` if no guest has the ID
   *
   * Source: pve-container 94f5585 src/PVE/LXC.pm:369-397; pve-manager 14a22df API2/Cluster.pm:263-728.
   */
  async read(only: number | undefined, context: ToolContext): Promise<ClusterUsage> {
    const answer = await this.#get("/cluster/resources", [], context);
    const resources = choose(parseResources(outputOf(answer, ACTION)), only);
    const of = (type: string) => resources.filter((entry) => entry.type === type);
    const guests = (type: string) => of(type).filter(({ vmid }) => vmid !== undefined);
    const nodes = of("node");
    return {
      nodes: await Promise.all(nodes.map(async (entry) => ({
        ...rowOf(entry),
        ...(nodes.length > MAX_NODES ? {} : await this.#traffic(entry, context)),
      }))),
      containers: guests("lxc").map(rowOf).sort(byId),
      vms: guests("qemu").map(rowOf).sort(byId),
    };
  }

  /** Returns nothing if the traffic cannot be read, for example because the node is off. */
  async #traffic(
    { node, status }: Resource,
    context: ToolContext,
  ): Promise<Pick<UsageRow, "network">> {
    if (node === undefined || status !== "online") return {};
    const path = `/nodes/${node}/rrddata`;
    const answer = await this.#get(path, ["--timeframe", "hour"], context);
    const traffic = answer.code === 0 ? parseNodeTraffic(answer.stdout) : undefined;
    return traffic === undefined
      ? {}
      : { network: { in: Math.round(traffic.netin), out: Math.round(traffic.netout) } };
  }

  async #get(
    path: string,
    options: readonly string[],
    { signal }: ToolContext,
  ): Promise<HostAnswer> {
    return await this.#host.get(path, options, { signal, progress: undefined, action: ACTION });
  }
}

/** @throws RemoteExecError `not_found` */
function choose(resources: Resource[], only: number | undefined): Resource[] {
  if (only === undefined) return resources;
  const chosen = resources.find(({ vmid }) => vmid === only);
  if (chosen === undefined) throw guestMissing(container(only));
  return resources.filter((entry) =>
    entry === chosen || (entry.type === "node" && entry.node === chosen.node)
  );
}

function rowOf(entry: Resource): UsageRow {
  const { type, vmid, node, name, status = "unknown", cpu, maxcpu, netin, netout } = entry;
  // For the disk of a VM the host knows only the size.
  const diskUsed = type === "qemu" && !entry.disk ? undefined : entry.disk;
  return {
    name: name ??
      (type === "node" ? node ?? "unknown" : `${type === "lxc" ? "CT" : "VM "}${vmid ?? ""}`),
    ...(vmid === undefined ? {} : { id: vmid }),
    ...(node === undefined ? {} : { node }),
    status,
    ...(cpu === undefined ? {} : { cpuPercent: Math.round(cpu * 1000) / 10 }),
    ...(maxcpu === undefined ? {} : { cpus: maxcpu }),
    memory: share(entry.mem, entry.maxmem),
    disk: share(diskUsed, entry.maxdisk),
    ...(netin === undefined || netout === undefined ? {} : { network: { in: netin, out: netout } }),
    ...(entry.uptime === undefined ? {} : { uptimeSeconds: entry.uptime }),
  };
}

const share = (used: number | undefined, total: number | undefined): Share => ({
  ...(used === undefined ? {} : { used }),
  ...(total === undefined ? {} : { total }),
});

const byId = (a: UsageRow, b: UsageRow): number => (a.id ?? 0) - (b.id ?? 0);
