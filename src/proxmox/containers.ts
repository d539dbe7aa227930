import type { ToolContext } from "../mcp/tool.ts";
import { container, guestInText } from "./guest.ts";
import type { ProxmoxHost } from "./host.ts";
import type { Change, Changed, Lifecycle } from "./lifecycle.ts";
import { explain } from "./locate.ts";
import { type ContainerRow, type GuestConfig, parseConfig, parseContainerList } from "./pct.ts";
import { outputOf } from "./problem.ts";

/** What a command may take beyond the time that it gives its guest: the lock's 10 s and its own start. */
const MARGIN_MS = 30_000;

/** The containers of the node: what there is, and what state it is in. */
export class Containers {
  readonly #host: ProxmoxHost;
  readonly #lifecycle: Lifecycle;

  constructor(host: ProxmoxHost, lifecycle: Lifecycle) {
    this.#host = host;
    this.#lifecycle = lifecycle;
  }

  /** All containers of this node by number, with one command however many there are. */
  async list(context: ToolContext): Promise<ContainerRow[]> {
    const action = "Listing the containers";
    const answer = await this.#host.run(["pct", "list"], { ...context, action });
    return parseContainerList(outputOf(answer, action));
  }

  async status(ctid: number, context: ToolContext): Promise<string> {
    return await this.#lifecycle.status(container(ctid), context);
  }

  async config(ctid: number, context: ToolContext): Promise<GuestConfig> {
    const action = "Reading the configuration";
    const answer = await this.#host.run(["pct", "config", String(ctid)], { ...context, action });
    if (answer.code === 0) return parseConfig(answer.stdout);
    throw await explain(this.#host, container(ctid), action, answer, context);
  }

  async start(ctid: number, timeoutMs: number, context: ToolContext): Promise<Changed> {
    const action = doing("Starting", ctid);
    return await this.#change(
      ctid,
      { verb: "start", action, wanted: "running", timeoutMs },
      context,
    );
  }

  /** Kills it. */
  async stop(ctid: number, timeoutMs: number, context: ToolContext): Promise<Changed> {
    const action = doing("Stopping", ctid);
    return await this.#change(
      ctid,
      { verb: "stop", action, wanted: "stopped", timeoutMs },
      context,
    );
  }

  /** @param graceMs what the container gets; after it, it is killed with `force` and an error without */
  async shutdown(
    ctid: number,
    { graceMs, force }: { readonly graceMs: number; readonly force: boolean },
    context: ToolContext,
  ): Promise<Changed> {
    return await this.#change(ctid, {
      verb: "shutdown",
      options: [...seconds(graceMs), ...(force ? ["--forceStop", "1"] : [])],
      action: doing("Shutting down", ctid),
      wanted: "stopped",
      timeoutMs: graceMs + MARGIN_MS,
    }, context);
  }

  /** Shuts it down, kills it when `graceMs` are over, and starts it. */
  async reboot(ctid: number, graceMs: number, context: ToolContext): Promise<Changed> {
    return await this.#change(ctid, {
      verb: "reboot",
      options: seconds(graceMs),
      action: doing("Rebooting", ctid),
      wanted: "running",
      restarts: true,
      timeoutMs: graceMs + 2 * MARGIN_MS,
    }, context);
  }

  async #change(ctid: number, change: Change, context: ToolContext): Promise<Changed> {
    return await this.#lifecycle.change(container(ctid), change, context);
  }
}

const doing = (verb: string, ctid: number): string => `${verb} ${guestInText(container(ctid))}`;

const seconds = (graceMs: number) => ["--timeout", String(Math.round(graceMs / 1000))];
