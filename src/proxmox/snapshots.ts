import type { ToolContext } from "../mcp/tool.ts";
import { otherState } from "./errors.ts";
import { container } from "./guest.ts";
import type { ProxmoxHost } from "./host.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { explain } from "./locate.ts";
import { parseSnapshots, type Snapshots } from "./pvesh.ts";

/** Snapshots of containers. What a command claims to have done is read back. */
export class ContainerSnapshots {
  readonly #host: ProxmoxHost;
  readonly #lifecycle: Lifecycle;

  constructor(host: ProxmoxHost, lifecycle: Lifecycle) {
    this.#host = host;
    this.#lifecycle = lifecycle;
  }

  async list(ctid: number, context: ToolContext): Promise<Snapshots> {
    const action = "Listing the snapshots";
    const path = `/nodes/localhost/lxc/${ctid}/snapshot`;
    const answer = await this.#host.get(path, [], { ...context, action });
    if (answer.code === 0) return parseSnapshots(answer.stdout);
    throw await explain(this.#host, container(ctid), action, answer, context);
  }

  async create(
    ctid: number,
    { snapshot, description, timeoutMs }: {
      readonly snapshot: string;
      readonly description: string | undefined;
      readonly timeoutMs: number;
    },
    context: ToolContext,
  ): Promise<void> {
    const action = `Creating the snapshot "${snapshot}"`;
    // With `=` a description may begin with a dash.
    const options = description === undefined ? [] : [`--description=${description}`];
    await this.#run(ctid, ["snapshot", String(ctid), snapshot, ...options], {
      ...context,
      action,
      timeoutMs,
    });
    if (!await this.#exists(ctid, snapshot, context)) {
      throw otherState(container(ctid), action, "without it");
    }
  }

  /**
   * Brings files and configuration back. A running container is killed for it and stays stopped.
   *
   * @returns the state afterwards
   */
  async rollback(
    ctid: number,
    { snapshot, timeoutMs }: { readonly snapshot: string; readonly timeoutMs: number },
    context: ToolContext,
  ): Promise<string> {
    const action = `Rolling back to the snapshot "${snapshot}"`;
    await this.#run(ctid, ["rollback", String(ctid), snapshot], { ...context, action, timeoutMs });
    const { parent } = await this.list(ctid, context);
    if (parent !== snapshot) {
      throw otherState(container(ctid), action, `based on ${parent ?? "no snapshot"}`);
    }
    return await this.#lifecycle.status(container(ctid), context);
  }

  async remove(
    ctid: number,
    { snapshot, timeoutMs }: { readonly snapshot: string; readonly timeoutMs: number },
    context: ToolContext,
  ): Promise<void> {
    const action = `Deleting the snapshot "${snapshot}"`;
    await this.#run(ctid, ["delsnapshot", String(ctid), snapshot], {
      ...context,
      action,
      timeoutMs,
    });
    if (await this.#exists(ctid, snapshot, context)) {
      throw otherState(container(ctid), action, "still with it");
    }
  }

  async #run(
    ctid: number,
    words: readonly string[],
    call: ToolContext & { readonly action: string; readonly timeoutMs: number },
  ): Promise<void> {
    const answer = await this.#host.task(["pct", ...words], call);
    if (answer.code === 0) return;
    throw await explain(this.#host, container(ctid), call.action, answer, call);
  }

  async #exists(ctid: number, snapshot: string, context: ToolContext): Promise<boolean> {
    const { snapshots } = await this.list(ctid, context);
    return snapshots.some(({ name }) => name === snapshot);
  }
}
