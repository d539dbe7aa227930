import type { ToolContext } from "../../mcp/tool.ts";
import { otherState } from "../errors.ts";
import { container } from "./guest.ts";
import { isRunning, type ProxmoxHost, type RunningTask } from "../host.ts";
import type { Guests } from "./guests.ts";
import { explain, readBack } from "../problem.ts";
import { parseSnapshots, type Snapshots } from "../parsers/pvesh.ts";

/**
 * Lists, creates and deletes snapshots of containers, and rolls back to them. Every result is read back,
 * unless the task takes long and goes on as a job.
 */
export class ContainerSnapshots {
  readonly #host: ProxmoxHost;
  readonly #guests: Guests;

  constructor(host: ProxmoxHost, guests: Guests) {
    this.#host = host;
    this.#guests = guests;
  }

  /** Lists the snapshots, oldest first. @throws RemoteExecError */
  async list(ctid: number, context: ToolContext): Promise<Snapshots> {
    const action = "Listing the snapshots";
    const path = `/nodes/localhost/lxc/${ctid}/snapshot`;
    const answer = await this.#host.get(path, [], { ...context, action });
    if (answer.code === 0) return parseSnapshots(answer.stdout);
    throw await explain(this.#host, container(ctid), action, answer, context);
  }

  /** Creates a snapshot. @throws RemoteExecError `already_exists`, `unsupported` and others */
  async create(
    ctid: number,
    { snapshot, description, timeoutMs }: {
      readonly snapshot: string;
      readonly description: string | undefined;
      readonly timeoutMs: number;
    },
    context: ToolContext,
  ): Promise<RunningTask | undefined> {
    const action = `Creating the snapshot "${snapshot}"`;
    // With `=` a description may begin with a dash.
    const options = description === undefined ? [] : [`--description=${description}`];
    const running = await this.#run(ctid, ["snapshot", String(ctid), snapshot, ...options], {
      ...context,
      action,
      timeoutMs,
    });
    if (running) return running;
    if (!await readBack(action, this.#exists(ctid, snapshot, context))) {
      throw otherState(container(ctid), action, "without it");
    }
    return undefined;
  }

  /**
   * Restores files and configuration. A running container is killed first and stays stopped.
   *
   * @returns the state after the rollback
   * @throws RemoteExecError
   */
  async rollback(
    ctid: number,
    { snapshot, timeoutMs }: { readonly snapshot: string; readonly timeoutMs: number },
    context: ToolContext,
  ): Promise<string | RunningTask> {
    const action = `Rolling back to the snapshot "${snapshot}"`;
    const call = { ...context, action, timeoutMs };
    const running = await this.#run(ctid, ["rollback", String(ctid), snapshot], call);
    if (running) return running;
    const { parent } = await readBack(action, this.list(ctid, context));
    if (parent !== snapshot) {
      throw otherState(container(ctid), action, `based on ${parent ?? "no snapshot"}`);
    }
    return await readBack(action, this.#guests.status(container(ctid), context));
  }

  /** Deletes a snapshot. @throws RemoteExecError `not_found` and others */
  async remove(
    ctid: number,
    { snapshot, timeoutMs }: { readonly snapshot: string; readonly timeoutMs: number },
    context: ToolContext,
  ): Promise<RunningTask | undefined> {
    const action = `Deleting the snapshot "${snapshot}"`;
    const call = { ...context, action, timeoutMs };
    const running = await this.#run(ctid, ["delsnapshot", String(ctid), snapshot], call);
    if (running) return running;
    if (await readBack(action, this.#exists(ctid, snapshot, context))) {
      throw otherState(container(ctid), action, "still with it");
    }
    return undefined;
  }

  async #run(
    ctid: number,
    words: readonly string[],
    call: ToolContext & { readonly action: string; readonly timeoutMs: number },
  ): Promise<RunningTask | undefined> {
    const answer = await this.#host.longTask(["pct", ...words], call);
    if (isRunning(answer)) return answer;
    if (answer.code === 0) return undefined;
    throw await explain(this.#host, container(ctid), call.action, answer, call);
  }

  async #exists(ctid: number, snapshot: string, context: ToolContext): Promise<boolean> {
    const { snapshots } = await this.list(ctid, context);
    return snapshots.some(({ name }) => name === snapshot);
  }
}
