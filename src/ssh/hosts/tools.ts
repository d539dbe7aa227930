import * as z from "zod";
import type { HostsConfig, NamedHost } from "../../config/config.ts";
import { matchesPattern } from "../../config/ssh_config/patterns.ts";
import { printable } from "../../errors.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";

/** More are counted: a model does not read longer lists. */
const MAX_HOSTS = 200;

const listOutput = z.object({
  success: z.literal(true),
  hosts: z.array(z.object({
    name: z.string(),
    address: z.string().optional(),
    proxmox: z.literal(true).optional().describe("A Proxmox VE server"),
    default: z.literal(true).optional().describe("Used without host"),
    unusable: z.string().optional().describe("Why no call can reach it"),
  })),
  omitted: z.number().int().describe("Hosts not listed; use filter"),
});

/** Returns the tool that lists the hosts, for configurations with more of them than a schema lists. */
export const hostListTool = (hosts: HostsConfig): Tool =>
  defineTool({
    name: "ssh_list_hosts",
    title: "List the hosts",
    description: "List the names that the argument host accepts.",
    effect: "reads",
    input: z.strictObject({
      filter: z.string().min(1).max(255).optional().describe(
        "Part of a name, or pattern like web*",
      ),
      response_format: unlistedFormat,
    }),
    output: listOutput,
    run({ filter }) {
      const found = hosts.list.filter(({ name }) => filter === undefined || matches(name, filter));
      const data = {
        success: true as const,
        hosts: found.slice(0, MAX_HOSTS).map((host) => rowOf(host, hosts.defaultName)),
        omitted: Math.max(0, found.length - MAX_HOSTS),
      };
      return Promise.resolve({ text: formatHosts(data), data });
    },
  });

function matches(name: string, filter: string): boolean {
  const pattern = /[*?]/.test(filter) ? filter : `*${filter}*`;
  return matchesPattern(name.toLowerCase(), pattern.toLowerCase());
}

const rowOf = ({ name, ssh, fault, proxmox }: NamedHost, defaultName: string | undefined) => ({
  name,
  ...(ssh === undefined ? {} : { address: `${ssh.username}@${ssh.host}:${ssh.port}` }),
  ...(proxmox ? { proxmox } : {}),
  ...(name === defaultName ? { default: true as const } : {}),
  ...(fault === undefined ? {} : { unusable: fault.message }),
});

function formatHosts({ hosts, omitted }: z.infer<typeof listOutput>): string {
  const lines = hosts.map(({ name, address = "", proxmox, default: isDefault, unusable }) =>
    [
      printable(name),
      printable(address),
      ...(proxmox ? ["Proxmox VE"] : []),
      ...(isDefault ? ["default"] : []),
      ...(unusable === undefined ? [] : [`unusable: ${printable(unusable)}`]),
    ].join("  ").trimEnd()
  );
  const rest = omitted === 0 ? [] : [`${omitted} more hosts; use filter`];
  return lines.length === 0 ? "No host matches" : [...lines, ...rest].join("\n");
}
