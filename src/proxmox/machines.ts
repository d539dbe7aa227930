import type { ToolContext } from "../mcp/tool.ts";
import { notRunning } from "./errors.ts";
import { guestInText, machine } from "./guest.ts";
import type { ProxmoxHost } from "./host.ts";
import type { Change, Changed, Lifecycle } from "./lifecycle.ts";
import { outputOf } from "./problem.ts";
import { type MachineRow, parseMachineList } from "./qm.ts";

const MARGIN_MS = 30_000;

/** The virtual machines of the node: what there is, and what state it is in. */
export class Machines {
  readonly #host: ProxmoxHost;
  readonly #lifecycle: Lifecycle;

  constructor(host: ProxmoxHost, lifecycle: Lifecycle) {
    this.#host = host;
    this.#lifecycle = lifecycle;
  }

  /** All VMs of this node by number, with one command. */
  async list(context: ToolContext): Promise<MachineRow[]> {
    const action = "Listing the VMs";
    const answer = await this.#host.run(["qm", "list"], { ...context, action });
    return parseMachineList(outputOf(answer, action));
  }

  async status(vmid: number, context: ToolContext): Promise<string> {
    return await this.#lifecycle.status(machine(vmid), context);
  }

  async start(vmid: number, timeoutMs: number, context: ToolContext): Promise<Changed> {
    const change = { verb: "start", action: doing("Starting", vmid), timeoutMs } as const;
    return await this.#lifecycle.change(machine(vmid), { ...change, wanted: "running" }, context);
  }

  /** Kills it. */
  async stop(vmid: number, timeoutMs: number, context: ToolContext): Promise<Changed> {
    const change = { verb: "stop", action: doing("Stopping", vmid), timeoutMs } as const;
    return await this.#end(vmid, { ...change, wanted: "stopped" }, context);
  }

  /** @param graceMs what the VM gets; after it, it is killed with `force` and an error without */
  async shutdown(
    vmid: number,
    { graceMs, force }: { readonly graceMs: number; readonly force: boolean },
    context: ToolContext,
  ): Promise<Changed> {
    const timeout = ["--timeout", String(Math.round(graceMs / 1000))];
    return await this.#end(vmid, {
      verb: "shutdown",
      options: [...timeout, ...(force ? ["--forceStop", "1"] : [])],
      action: doing("Shutting down", vmid),
      wanted: "stopped",
      timeoutMs: graceMs + MARGIN_MS,
    }, context);
  }

  /**
   * `qm stop` and `qm shutdown` exit 0 for a VM that is stopped, so its state is read before.
   *
   * Source: qemu-server e6352be src/PVE/QemuServer.pm:6251-6373, 8433-8444.
   */
  async #end(vmid: number, change: Change, context: ToolContext): Promise<Changed> {
    const guest = machine(vmid);
    if (await this.#lifecycle.status(guest, context) === "stopped") throw notRunning(guest);
    return await this.#lifecycle.change(guest, change, context);
  }
}

const doing = (verb: string, vmid: number): string => `${verb} ${guestInText(machine(vmid))}`;
