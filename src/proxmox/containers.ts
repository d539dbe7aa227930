import type { ToolContext } from "../mcp/tool.ts";
import { commandFailed } from "./errors.ts";
import { container, guestInText } from "./guest.ts";
import type { ProxmoxHost } from "./host.ts";
import type { Changed, Lifecycle } from "./lifecycle.ts";
import { explain } from "./locate.ts";
import { type ContainerRow, type GuestConfig, parseConfig, parseContainerList } from "./pct.ts";
import { withoutNoise } from "./problem.ts";

const READ_MS = 60_000;
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
    const answer = await this.#host.run(["pct", "list"], {
      ...context,
      action,
      timeoutMs: READ_MS,
    });
    if (answer.code !== 0) throw commandFailed(action, withoutNoise(answer.stderr));
    return parseContainerList(answer.stdout);
  }

  async status(ctid: number, context: ToolContext): Promise<string> {
    return await this.#lifecycle.status(container(ctid), context);
  }

  async config(ctid: number, context: ToolContext): Promise<GuestConfig> {
    const action = "Reading the configuration";
    const answer = await this.#host.run(["pct", "config", String(ctid)], {
      ...context,
      action,
      timeoutMs: READ_MS,
    });
    if (answer.code === 0) return parseConfig(answer.stdout);
    throw await explain(this.#host, container(ctid), action, answer, context);
  }

  async start(ctid: number, timeoutMs: number, context: ToolContext): Promise<Changed> {
    return await this.#change(ctid, "start", "Starting", [], "running", timeoutMs, context);
  }

  /** Kills it. */
  async stop(ctid: number, timeoutMs: number, context: ToolContext): Promise<Changed> {
    return await this.#change(ctid, "stop", "Stopping", [], "stopped", timeoutMs, context);
  }

  /** @param graceMs what the container gets; after it, it is killed with `force` and an error without */
  async shutdown(
    ctid: number,
    { graceMs, force }: { readonly graceMs: number; readonly force: boolean },
    context: ToolContext,
  ): Promise<Changed> {
    const options = [...seconds(graceMs), ...(force ? ["--forceStop", "1"] : [])];
    const timeoutMs = graceMs + MARGIN_MS;
    const action = "Shutting down";
    return await this.#change(ctid, "shutdown", action, options, "stopped", timeoutMs, context);
  }

  /** Shuts it down, kills it when `graceMs` are over, and starts it. */
  async reboot(ctid: number, graceMs: number, context: ToolContext): Promise<Changed> {
    const timeoutMs = graceMs + 2 * MARGIN_MS;
    const options = seconds(graceMs);
    return await this.#change(
      ctid,
      "reboot",
      "Rebooting",
      options,
      "running",
      timeoutMs,
      context,
    );
  }

  async #change(
    ctid: number,
    verb: string,
    doing: string,
    options: readonly string[],
    wanted: "running" | "stopped",
    timeoutMs: number,
    context: ToolContext,
  ): Promise<Changed> {
    const guest = container(ctid);
    const action = `${doing} ${guestInText(guest)}`;
    const change = { verb, options, action, wanted, timeoutMs };
    return await this.#lifecycle.change(guest, change, context);
  }
}

const seconds = (graceMs: number) => ["--timeout", String(Math.round(graceMs / 1000))];
