import type { ToolContext } from "../mcp/tool.ts";
import { guestMissing } from "./errors.ts";
import { container } from "./guest.ts";
import type { ProxmoxHost } from "./host.ts";
import { type HostAnswer, outputOf } from "./problem.ts";
import { parseNodeTraffic, parseResources, type Resource } from "./pvesh.ts";

const ACTION = "Reading the usage";
/** Each node's traffic costs a command; a larger cluster answers without it. */
const MOST_NODES = 8;

/** An amount of bytes and how much of it is in use; `used` is left out where it is not known. */
export interface Share {
  readonly used?: number;
  readonly total?: number;
}

/** What a node, container or VM uses. */
export interface Usage {
  readonly name: string;
  /** Left out for a node. */
  readonly id?: number;
  readonly node: string;
  readonly status: string;
  /** Percent of all its CPUs. */
  readonly cpuPercent?: number;
  readonly cpus?: number;
  readonly memory: Share;
  readonly disk: Share;
  /** Bytes since its start for guests; bytes per second for nodes. */
  readonly network?: { readonly in: number; readonly out: number };
  readonly uptimeSeconds: number;
}

/** Usage of the whole cluster. */
export interface ClusterUsage {
  readonly nodes: readonly Usage[];
  readonly containers: readonly Usage[];
  readonly vms: readonly Usage[];
}

/** Measures what the cluster uses. */
export class Resources {
  readonly #host: ProxmoxHost;

  constructor(host: ProxmoxHost) {
    this.#host = host;
  }

  /**
   * Usage by node and guest, at most a minute old. Asked of the cluster, because a node asked for its own
   * guests from the shell always answers that they use no CPU.
   *
   * @param only the number of a container or VM, which is then shown with its node
   *
   * Source: pve-container 94f5585 src/PVE/LXC.pm:369-397; pve-manager 14a22df API2/Cluster.pm:263-728.
   */
  async usage(only: number | undefined, context: ToolContext): Promise<ClusterUsage> {
    const answer = await this.#get("/cluster/resources", [], context);
    const resources = choose(parseResources(outputOf(answer, ACTION)), only);
    const of = (type: string) => resources.filter((entry) => entry.type === type);
    const nodes = of("node");
    return {
      nodes: await Promise.all(nodes.map(async (entry) => ({
        ...usage(entry),
        ...(nodes.length > MOST_NODES ? {} : await this.#traffic(entry, context)),
      }))),
      containers: of("lxc").map(usage).sort(byId),
      vms: of("qemu").map(usage).sort(byId),
    };
  }

  /** Left out where it cannot be read, for example of a node that is off. */
  async #traffic(
    { node, status }: Resource,
    context: ToolContext,
  ): Promise<Pick<Usage, "network">> {
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

/** @throws RemoteExecError when nothing has that number */
function choose(resources: Resource[], only: number | undefined): Resource[] {
  if (only === undefined) return resources;
  const chosen = resources.find(({ vmid }) => vmid === only);
  if (chosen === undefined) throw guestMissing(container(only));
  return resources.filter((entry) =>
    entry === chosen || (entry.type === "node" && entry.node === chosen.node)
  );
}

function usage(entry: Resource): Usage {
  const { type, vmid, node = "", name, status = "unknown", cpu, maxcpu, netin, netout } = entry;
  // Of a VM's disk only the size is known from outside.
  const diskUsed = type === "qemu" && !entry.disk ? undefined : entry.disk;
  return {
    name: name ?? (type === "node" ? node : `${type === "lxc" ? "CT" : "VM "}${vmid ?? ""}`),
    ...(vmid === undefined ? {} : { id: vmid }),
    node,
    status,
    ...(cpu === undefined ? {} : { cpuPercent: Math.round(cpu * 1000) / 10 }),
    ...(maxcpu === undefined ? {} : { cpus: maxcpu }),
    memory: share(entry.mem, entry.maxmem),
    disk: share(diskUsed, entry.maxdisk),
    ...(netin === undefined || netout === undefined ? {} : { network: { in: netin, out: netout } }),
    uptimeSeconds: entry.uptime ?? 0,
  };
}

const share = (used: number | undefined, total: number | undefined): Share => ({
  ...(used === undefined ? {} : { used }),
  ...(total === undefined ? {} : { total }),
});

const byId = (a: Usage, b: Usage): number => (a.id ?? 0) - (b.id ?? 0);
