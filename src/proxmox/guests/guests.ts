import type { ToolContext } from "../../mcp/tool.ts";
import { unreadable } from "../errors.ts";
import { type HostCall, outputOf, type ProxmoxHost } from "../host.ts";
import {
  type ContainerRow,
  type GuestConfig,
  parseConfig,
  parseContainerList,
  parseStatus,
} from "../parsers/pct.ts";
import { parseVmList, type VmRow } from "../parsers/qm.ts";
import { explain } from "../problem.ts";
import { GuestAddresses, LIST_CONTAINERS, LIST_VMS, withAddresses } from "./addresses.ts";
import { type Guest, programOf } from "./guest.ts";

const STATUS_MS = 30_000;

/** Lists the guests of this node, reads their state and configuration. Works for both kinds. */
export class Guests {
  readonly #host: ProxmoxHost;
  readonly #addresses: GuestAddresses;

  constructor(host: ProxmoxHost) {
    this.#host = host;
    this.#addresses = new GuestAddresses(host);
  }

  /** Lists the containers of this node by ID, with one command. @throws RemoteExecError */
  async listContainers(context: ToolContext): Promise<ContainerRow[]> {
    const action = "Listing the containers";
    const call = { ...context, action, program: "pct" };
    const answer = await this.#host.run(["sh", "-c", LIST_CONTAINERS], call);
    const stdout = outputOf(answer, action);
    return withAddresses(parseContainerList(stdout), ({ ctid }) => ctid, stdout);
  }

  /**
   * Lists the VMs of this node by ID, with one command.
   *
   * @param asksAgents whether to ask the guest agents for addresses, which takes up to seconds for each VM
   * @throws RemoteExecError
   */
  async listVms(asksAgents: boolean, context: ToolContext): Promise<VmRow[]> {
    const action = "Listing the VMs";
    const call = { ...context, action, program: "qm" };
    const answer = asksAgents
      ? await this.#host.run(["sh", "-c", LIST_VMS], call)
      : await this.#host.run(["qm", "list"], call);
    const stdout = outputOf(answer, action);
    return withAddresses(parseVmList(stdout), ({ vmid }) => vmid, stdout);
  }

  /**
   * Reads the state: `running` or `stopped`, for VMs also `paused` and others.
   *
   * @throws RemoteExecError `not_found`, `invalid_argument` for the other kind, `unsupported` on
   *   another node
   */
  async status(guest: Guest, context: ToolContext): Promise<string> {
    const call = { ...context, action: "Reading the status", timeoutMs: STATUS_MS };
    const output = await this.#read(guest, "status", call);
    const status = parseStatus(output);
    if (status === undefined) throw unreadable(programOf(guest), output.slice(0, 100));
    return status;
  }

  /** Reads the state and the addresses. @throws RemoteExecError as {@linkcode status} */
  async look(
    guest: Guest,
    context: ToolContext,
  ): Promise<{ readonly status: string; readonly addresses: readonly string[] }> {
    const [status, addresses] = await Promise.all([
      this.status(guest, context),
      this.#addresses.of(guest, context).catch(() => []),
    ]);
    return { status, addresses: status === "running" ? addresses : [] };
  }

  /** Reads the configuration, pending changes included. @throws RemoteExecError as {@linkcode status} */
  async config(guest: Guest, context: ToolContext): Promise<GuestConfig> {
    const call = { ...context, action: "Reading the configuration" };
    return parseConfig(await this.#read(guest, "config", call));
  }

  async #read(guest: Guest, verb: string, call: HostCall): Promise<string> {
    const answer = await this.#host.run([programOf(guest), verb, String(guest.id)], call);
    if (answer.code === 0) return answer.stdout;
    throw await explain(this.#host, guest, call.action, answer, call);
  }
}
