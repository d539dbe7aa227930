import type { ToolContext } from "../../mcp/tool.ts";
import { guestMissing } from "../errors.ts";
import { container } from "../guests/guest.ts";
import { outputOf, type ProxmoxHost } from "../host.ts";
import { parseResources, type Resource } from "../parsers/pvesh.ts";
import { parseNodeTraffic, withoutTraffic } from "../parsers/traffic.ts";

const ACTION = "Reading the usage";
/** The traffic of each node costs one command; larger clusters are reported without it. */
const MAX_NODES = 8;
/** A node that does not answer is reported without its traffic. */
const EACH_S = 20;

/**
 * Shell text that prints the cluster's resources and then lines `=NODE SAMPLE` with the newest traffic of each node
 * that is online, so that both cost the round trips of one command. The lines are short enough not to mix in a pipe.
 */
const READ_ALL = [
  "all=$(env pvesh get /cluster/resources --output-format json) || exit",
  `printf '%s\\n' "$all"`,
  `set -- $(printf '%s\\n' "$all" | tr '{' '\\n' | grep '"type":"node"' | grep '"status":"online"' | ` +
  `sed -n 's/.*"node":"\\([A-Za-z0-9-]*\\)".*/\\1/p')`,
  `[ $# -le ${MAX_NODES} ] || exit 0`,
  `for node; do timeout ${EACH_S} pvesh get "/nodes/$node/rrddata" --timeframe hour --output-format json ` +
  `2>/dev/null </dev/null | tr '{' '\\n' | grep '"netin":' | tail -n 3 | sed "s/^/=$node /" & done`,
  "wait",
].join("\n");

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
    const { signal } = context;
    const call = { signal, progress: undefined, action: ACTION, program: "pvesh" };
    const stdout = outputOf(await this.#host.run(["sh", "-c", READ_ALL], call), ACTION);
    const resources = choose(parseResources(withoutTraffic(stdout)), only);
    const of = (type: string) => resources.filter((entry) => entry.type === type);
    const guests = (type: string) => of(type).filter(({ vmid }) => vmid !== undefined);
    const traffic = parseNodeTraffic(stdout);
    return {
      nodes: of("node").map((entry) => ({ ...rowOf(entry), ...networkOf(entry, traffic) })),
      containers: guests("lxc").map(rowOf).sort(byId),
      vms: guests("qemu").map(rowOf).sort(byId),
    };
  }
}

/** The traffic of a node; nothing if it could not be read, for example because the node is off. */
function networkOf(
  { node = "" }: Resource,
  traffic: ReturnType<typeof parseNodeTraffic>,
): Pick<UsageRow, "network"> {
  const found = traffic.get(node);
  return found === undefined
    ? {}
    : { network: { in: Math.round(found.netin), out: Math.round(found.netout) } };
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
