import * as z from "zod";
import type { Config, HostsConfig, NamedHost } from "../config/config.ts";
import { closest } from "../config/closest.ts";
import { MAX_LISTED_HOSTS, TOOL_ROWS } from "../config/tool_table.ts";
import { hostVariable } from "../config/variables/environment_names.ts";
import { printable, RemoteExecError } from "../errors.ts";
import type { Tool, ToolContext } from "../mcp/tool.ts";
import type { LongCalls } from "../mcp/long_calls.ts";
import { HostCopyService } from "../ssh/hosts/copy_service.ts";
import { copyTool } from "../ssh/hosts/copy_tool.ts";
import type { BetweenHosts } from "../ssh/hosts/port.ts";
import { fleetTool } from "../ssh/hosts/fleet_tool.ts";
import { FleetService } from "../ssh/hosts/service.ts";
import type { SshService } from "../ssh/service.ts";
import { hostListTool } from "../ssh/hosts/tools.ts";
import { jobsOfHosts, jobsOfHostsOutput } from "./jobs_of_hosts.ts";
import { unusable } from "./host_errors.ts";

/** Makes the tools for one host. @param host its number */
export type MakeTools = (config: Config, host: number, name: string) => Promise<Tool[]>;

/**
 * Returns the tools for several hosts. A tool that touches a host gets the argument `host`, and a call goes
 * to the tool of the same name that was made for that host alone; it knows nothing of the others.
 *
 * @param services returns the service for the commands of one host
 */
export async function toolsOfHosts(
  config: Config,
  hosts: HostsConfig,
  make: MakeTools,
  services: (host: number) => SshService,
): Promise<Tool[]> {
  const sets = new ToolSets(config, hosts, make);
  const tools = (await sets.described()).map((tool) =>
    tool.name === "ssh_list_jobs"
      ? jobList(tool, hosts, sets, config.limits.characterLimit)
      : touchesHost(tool.name)
      ? forHosts(tool, hosts, sets)
      : tool
  );
  const lists = hosts.list.length > MAX_LISTED_HOSTS ? [hostListTool(hosts)] : [];
  return [
    ...tools,
    ...lists,
    fleetTool(new FleetService(hosts, services, config.limits), config.limits),
  ];
}

/** Returns the tool that copies files between hosts. */
export const copyToolOf = (
  { limits }: Config,
  hosts: HostsConfig,
  between: BetweenHosts,
  calls: LongCalls,
): Tool => copyTool(new HostCopyService(hosts, between, limits.maxFileBytes), calls);

/** A transfer_id of ImageKit belongs to the host of its request. */
const touchesHost = (tool: string): boolean =>
  TOOL_ROWS.some(({ name, family, facts }) =>
    name === tool && (facts.includes("host") || family === "imagekit")
  );

/** The tools of each host, made by the first call for it. */
class ToolSets {
  readonly #config: Config;
  readonly #hosts: HostsConfig;
  readonly #make: MakeTools;
  readonly #sets = new Map<string, Promise<readonly Tool[]>>();

  constructor(config: Config, hosts: HostsConfig, make: MakeTools) {
    this.#config = config;
    this.#hosts = hosts;
    this.#make = make;
  }

  /** The host of a call that needs none: the default one, if it can be used. */
  get base(): string {
    const { list, defaultName } = this.#hosts;
    const usable = list.filter(({ ssh }) => ssh !== undefined).map(({ name }) => name);
    return usable.find((name) => name === defaultName) ?? usable[0] ?? "";
  }

  /** Returns the tools of all hosts together, with descriptions that name no host. */
  described(): Promise<Tool[]> {
    const sudo = this.#hosts.list.find(({ ssh }) => ssh?.sudo !== undefined)?.ssh?.sudo;
    const common = { ...this.#config.ssh, username: "its user" };
    const ssh = sudo === undefined ? common : { ...common, sudo };
    const number = this.#hosts.list.findIndex(({ name }) => name === this.base);
    return this.#make({ ...this.#config, ssh }, number, "the host");
  }

  /** @throws RemoteExecError `host_unusable`, `invalid_argument` */
  async find(
    hostName: string,
    tool: string,
    args: Readonly<Record<string, unknown>>,
  ): Promise<Tool> {
    const { list } = this.#hosts;
    const host = list.find(({ name }) => name === hostName);
    if (host === undefined) throw unknownHost(hostName, list);
    if (host.ssh === undefined) throw unusable(host);
    if (args.ctid !== undefined && !host.proxmox) throw notProxmox(host);
    if (args.sudo === true && host.ssh.sudo === undefined) throw noSudo(host);
    const { proxmox } = host;
    // ImageKit's transfer_ids name it: two hosts may have one address.
    const ssh = { ...host.ssh, host: hostName };
    const set = this.#sets.get(hostName) ??
      this.#make({ ...this.#config, ssh, proxmox }, list.indexOf(host), hostName);
    this.#sets.set(hostName, set);
    const found = (await set).find(({ name }) => name === tool);
    if (found === undefined) throw notProxmox(host);
    return found;
  }
}

function forHosts(tool: Tool, hosts: HostsConfig, sets: ToolSets): Tool {
  const mayBeLocal = MAY_BE_LOCAL.includes(tool.name);
  const host = hostArgument(tool, hosts, mayBeLocal);
  const input = z.strictObject({ host, ...tool.input.shape });
  return {
    ...tool,
    input,
    async call(args, context) {
      const { host: wanted } = input.parse(args);
      // An object, as it was parsed; false is the default of sudo, which not every host has.
      const { host: _, sudo, ...others } = { ...args as object } as Record<string, unknown>;
      const rest = sudo === true ? { ...others, sudo } : others;
      if (wanted === undefined && isRemote(rest)) throw hostMissing();
      const isLocal = mayBeLocal && !isRemote(rest) && wanted === hosts.defaultName;
      const name = isLocal ? sets.base : wanted ?? sets.base;
      return await (await sets.find(name, tool.name, rest)).call(rest, context);
    },
  };
}

/** Without `host`, the jobs of all hosts are listed. */
function jobList(tool: Tool, hosts: HostsConfig, sets: ToolSets, maxCharacters: number): Tool {
  const host = nameArgument(hosts.list.map(({ name }) => name)).optional()
    .describe("Default: all");
  const input = z.strictObject({ host, ...tool.input.shape });
  const list = async (name: string, args: unknown, context: ToolContext) =>
    await (await sets.find(name, tool.name, {})).call(args, context);
  return {
    ...tool,
    input,
    output: jobsOfHostsOutput,
    async call(args, context) {
      const { host: wanted, ...rest } = input.parse(args);
      if (wanted !== undefined) return await list(wanted, rest, context);
      return await jobsOfHosts({
        hosts: hosts.list.map(({ name }) => name),
        maxCharacters,
        maxWorkers: hosts.maxWorkers,
        list: (name, own) => list(name, rest, own),
      }, context);
    },
  };
}

/** Tools that work on files of this machine as well; then any worker does. */
const MAY_BE_LOCAL = ["exchange_upload", "exchange_download", "generate_download_link"];

const isRemote = (args: Readonly<Record<string, unknown>>): boolean =>
  typeof args.remote_path === "string" || typeof args.ctid === "number" || args.source === "host";

function hostArgument(
  { name: tool }: Tool,
  { list, defaultName }: HostsConfig,
  mayBeLocal: boolean,
): z.ZodType<string | undefined> {
  const able = list.filter(({ proxmox }) => proxmox || !tool.startsWith("proxmox_"));
  const names = able.map(({ name }) => name);
  const one = nameArgument(names);
  if (defaultName !== undefined && names.includes(defaultName)) return one.default(defaultName);
  return mayBeLocal ? one.optional().describe("Required for its files") : one;
}

const nameArgument = (names: readonly string[]): z.ZodType<string> =>
  names.length > MAX_LISTED_HOSTS ? z.string().min(1).max(255) : z.enum([...names]);

function unknownHost(name: string, list: readonly NamedHost[]): RemoteExecError {
  const meant = closest(name, list.map((host) => host.name));
  return new RemoteExecError(
    "invalid_argument",
    `There is no host ${printable(name)}${meant === undefined ? "" : `; did you mean ${meant}?`}`,
    "Find the names of the hosts with ssh_list_hosts",
  );
}

const notProxmox = ({ name }: NamedHost) =>
  new RemoteExecError(
    "invalid_argument",
    `${name} is not a Proxmox VE server of this configuration`,
    "Choose another host, or name this one in PROXMOX_HOSTS",
  );

const noSudo = ({ name }: NamedHost) =>
  new RemoteExecError(
    "invalid_argument",
    `sudo is not configured for ${name}`,
    `Leave sudo out, or set ${hostVariable("SUDO_PASSWORD_", name)}`,
  );

const hostMissing = () =>
  new RemoteExecError(
    "invalid_argument",
    "Input validation error: host: required for a file on a host",
    "Name the host in the argument host",
  );
