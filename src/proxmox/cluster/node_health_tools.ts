import * as z from "zod";
import { printable } from "../../errors.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import { defined, formatBytes, isoTime } from "../format.ts";
import type { PendingUpdate, StorageStatus } from "../parsers/node.ts";
import type { NodeHealth, NodeHealthReader } from "./node_health.ts";

/** The names of more updates are left out; their count is not. */
const MAX_UPDATES = 50;

const unlisted = { unlisted: true };
const size = z.number().optional().meta(unlisted);

/** The tool that reads a node's health. */
export const nodeHealthTool = (reader: NodeHealthReader): Tool =>
  defineTool({
    name: "proxmox_node_status",
    title: "Read the health of the node",
    description:
      "Read the health of the Proxmox VE node: versions, load, memory, storages, failed services, updates, certificate, quorum.",
    effect: "reads",
    input: z.strictObject({ response_format: unlistedFormat }),
    output: z.object({
      node: z.string(),
      problems: z.array(z.string()).describe("What needs attention"),
      version: z.string(),
      kernel: z.string().optional().meta(unlisted),
      uptime_seconds: z.number().optional().meta(unlisted),
      load: z.array(z.number()).meta(unlisted),
      cpus: z.number().optional().meta(unlisted),
      cpu_model: z.string().optional().meta(unlisted),
      memory_used: z.number().optional().describe("Bytes, like all sizes"),
      ...{ memory_total: size, swap_used: size, swap_total: size },
      ...{ root_used: size, root_total: size },
      storages: z.array(z.object({
        storage: z.string(),
        status: z.string(),
        type: z.string().optional().meta(unlisted),
        content: z.string().optional().meta(unlisted),
        ...{ used: size, total: size },
      })).optional().meta({
        sketched: true,
        description: "storage, status (active, …), used, total",
      }),
      failed_services: z.array(z.string()).optional().meta(unlisted),
      updates: z.array(z.string()).optional().describe("As last refreshed by apt"),
      updates_count: z.number().int().optional().meta(unlisted),
      certificate: z.object({
        file: z.string(),
        subject: z.string().optional(),
        issuer: z.string().optional(),
        expires: z.string().optional(),
        days_left: z.number().int().optional(),
      }).optional().meta(unlisted),
      cluster: z.string().optional().meta(unlisted),
      quorate: z.boolean().optional().describe("In a cluster: changes are possible"),
      nodes: z.array(z.object({
        name: z.string(),
        status: z.string(),
      })).optional().meta(unlisted),
      unread: z.array(z.object({ part: z.string(), reason: z.string() })).optional()
        .meta(unlisted),
    }),
    async run(_args, context) {
      const health = await reader.read(context);
      return { text: format(health), data: shown(health) };
    },
  });

function shown(health: NodeHealth) {
  const { status, cluster, failedUnits, updates, unread, problems, storages } = health;
  const { uptime, cpuinfo, memory, swap, rootfs } = status;
  return defined({
    node: nodeName(health),
    problems: [...problems],
    version: status.pveversion,
    kernel: kernelOf(health),
    uptime_seconds: uptime,
    load: status.loadavg ?? [],
    cpus: cpuinfo?.cpus,
    cpu_model: cpuinfo?.model,
    memory_used: memory?.used,
    memory_total: memory?.total,
    swap_used: swap?.used,
    swap_total: swap?.total,
    root_used: rootfs?.used,
    root_total: rootfs?.total,
    storages: storages?.map(shownStorage),
    failed_services: failedUnits && [...failedUnits],
    updates: updates?.slice(0, MAX_UPDATES).map(formatUpdate),
    updates_count: updates?.length,
    certificate: shownCertificate(health),
    cluster: cluster?.cluster?.name,
    quorate: cluster?.cluster?.isQuorate,
    nodes: cluster?.nodes.map(({ name, isOnline }) => ({ name, status: onlineWord(isOnline) })),
    unread: unread.length === 0 ? undefined : [...unread],
  });
}

const nodeName = ({ cluster }: NodeHealth): string => cluster?.local ?? "localhost";

/** `Linux 6.14.8-2-pve #1 SMP …` without the words around the release. */
const kernelOf = ({ status }: NodeHealth): string | undefined =>
  /^Linux (\S+)/.exec(status.kversion ?? "")?.[1] ?? status.kversion;

const onlineWord = (isOnline: boolean): string => isOnline ? "online" : "offline";

const storageWord = ({ enabled, active }: StorageStatus): string =>
  enabled === 0 ? "disabled" : active === 0 ? "inactive" : "active";

function shownStorage(each: StorageStatus) {
  const { storage, type, content, used, total } = each;
  return defined({ storage, status: storageWord(each), type, content, used, total });
}

function shownCertificate({ certificate, certificateDays }: NodeHealth) {
  if (certificate === undefined) return undefined;
  const { filename, subject, issuer, notafter } = certificate;
  return defined({
    file: filename,
    subject,
    issuer,
    expires: notafter === undefined ? undefined : isoTime(notafter),
    days_left: certificateDays,
  });
}

function format(health: NodeHealth): string {
  const { status, problems, unread, failedUnits } = health;
  const { memory, swap, rootfs, cpuinfo, loadavg = [] } = status;
  const lines = [
    `Node ${nodeName(health)}: ${status.pveversion}, kernel ${kernelOf(health) ?? "?"}, ` +
    `up ${status.uptime ?? "?"} s`,
    ...problems.map((problem) => `[WARNING] ${problem}`),
    `Load ${loadavg.join(" ")} on ${cpuinfo?.cpus ?? "?"} CPUs (${cpuinfo?.model ?? "?"})`,
    `Memory ${share(memory)} · swap ${share(swap)} · root ${share(rootfs)}`,
    ...formatCluster(health),
    ...(health.storages ?? []).map((each) =>
      `Storage ${each.storage} (${each.type ?? "?"}, ${storageWord(each)}): ${share(each)}, for ` +
      (each.content ?? "?")
    ),
    ...(failedUnits === undefined ? [] : [`Failed services: ${failedUnits.join(", ") || "none"}`]),
    ...formatUpdates(health.updates),
    ...formatCertificate(health),
    ...unread.map(({ part, reason }) => `[WARNING] Not read: ${part}: ${reason}`),
  ];
  return lines.map(printable).join("\n");
}

function formatCluster({ cluster }: NodeHealth): string[] {
  if (cluster === undefined) return [];
  const nodes = cluster.nodes.map(({ name, isOnline }) => `${name} ${onlineWord(isOnline)}`);
  if (cluster.cluster === undefined) return [`Not in a cluster: ${nodes.join(", ")}`];
  const { name, isQuorate } = cluster.cluster;
  return [`Cluster ${name} ${isQuorate ? "has quorum" : "has no quorum"}: ${nodes.join(", ")}`];
}

/** One line for each update, because a line has a maximum length. */
function formatUpdates(updates: readonly PendingUpdate[] | undefined): string[] {
  if (updates === undefined) return [];
  const more = updates.length - MAX_UPDATES;
  return [
    `Updates: ${updates.length} (as last refreshed by apt)`,
    ...updates.slice(0, MAX_UPDATES).map((each) => `  ${formatUpdate(each)}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}

const formatUpdate = ({ name, from, to = "?" }: PendingUpdate): string =>
  from === undefined ? `${name} ${to} (new)` : `${name} ${from} -> ${to}`;

function formatCertificate(health: NodeHealth): string[] {
  const certificate = shownCertificate(health);
  if (certificate === undefined) return [];
  const { file, subject = "?", issuer = "?", expires = "?", days_left } = certificate;
  return [
    `Certificate ${file} of ${subject}, issued by ${issuer}, expires ${expires}` +
    (days_left === undefined ? "" : ` (in ${days_left} days)`),
  ];
}

const share = (
  amount: { readonly used?: number | undefined; readonly total?: number | undefined } | undefined,
): string =>
  amount?.total === undefined
    ? "?"
    : `${amount.used === undefined ? "?" : formatBytes(amount.used)}/${formatBytes(amount.total)}`;
