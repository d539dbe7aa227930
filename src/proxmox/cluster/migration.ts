import type { Clock } from "../../async/clock.ts";
import { cancelling } from "../../async/cancelling.ts";
import { delay } from "../../async/delay.ts";
import { RemoteExecError } from "../../errors.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { guestMissing, haPending, noQuorum, onOtherNode, wrongKind } from "../errors.ts";
import { type Guest, guestInText, KINDS, programOf } from "../guests/guest.ts";
import {
  type HostAnswer,
  isRunning,
  outputOf,
  type ProxmoxHost,
  type RunningTask,
} from "../host.ts";
import { type ClusterStatus, parseClusterStatus } from "../parsers/node.ts";
import { parseHaRequest, parseWarnings } from "../parsers/pct.ts";
import { parseMigrationFailure } from "../parsers/migrate.ts";
import { parseResources, type Resource } from "../parsers/pvesh.ts";
import { explain, readBack, readProblem } from "../problem.ts";
import {
  alreadyThere,
  migrationFailed,
  mustMoveRunning,
  nodeMissing,
  nodeOffline,
  notMoved,
} from "./errors.ts";

const POLL_MS = 1_000;

/** Where to, and how. */
export interface MigrationOrder {
  readonly target: string;
  /** Moves a running guest: a container is shut down and started again there, a VM keeps running. */
  readonly movesRunning: boolean;
  /** On the target; undefined: the storages of the same names. */
  readonly storage: string | undefined;
  readonly timeoutMs: number;
}

/** A guest that is on another node now, as the cluster says. */
export interface Migrated {
  readonly from: string;
  readonly node: string;
  readonly byHa: boolean;
  readonly warnings: readonly string[];
}

/** Moves guests from the node that HOST names to other nodes of its cluster. */
export class Migration {
  readonly #host: ProxmoxHost;
  readonly #clock: Clock;

  constructor(host: ProxmoxHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  /**
   * Migrates a guest and asks the cluster where it is. A long migration goes on as a job, whose output is the log.
   *
   * @throws RemoteExecError `not_found`, `invalid_state`, `unsupported` for a guest of another node; after a
   *   failure the message says where the guest is and if it is locked
   */
  async migrate(
    guest: Guest,
    order: MigrationOrder,
    context: ToolContext,
  ): Promise<Migrated | RunningTask> {
    const { target, timeoutMs } = order;
    const action = `Migrating ${guestInText(guest)} to ${target}`;
    const [resources, cluster] = await Promise.all([
      this.#resources(context),
      this.#get("/cluster/status", context).then(parseClusterStatus),
    ]);
    const from = chooseNodes(guest, target, resources, cluster);
    const deadlineMs = this.#clock.elapsed() + timeoutMs;
    const answer = await this.#host.longTask(wordsOf(guest, order), {
      ...context,
      action,
      timeoutMs,
    });
    if (isRunning(answer)) return answer;
    if (answer.code !== 0) throw await this.#problem(guest, target, action, answer, context);
    const byHa = parseHaRequest(answer.stdout) !== undefined;
    await this.#confirm(guest, order, { action, byHa, deadlineMs }, context);
    return { from, node: target, byHa, warnings: parseWarnings(answer.stdout) };
  }

  /** HA only takes the request, and moves the guest later. */
  async #confirm(
    guest: Guest,
    { target, timeoutMs }: MigrationOrder,
    { action, byHa, deadlineMs }: {
      readonly action: string;
      readonly byHa: boolean;
      readonly deadlineMs: number;
    },
    context: ToolContext,
  ): Promise<void> {
    for (let polls = 1;; polls++) {
      const found = await readBack(action, this.#find(guest, context));
      if (found?.node === target && found.lock === undefined) return;
      if (!byHa) throw notMoved(guest, action, found?.node, found?.lock);
      if (this.#clock.elapsed() >= deadlineMs) {
        throw haPending(guest, action, timeoutMs / 1000, `on ${found?.node ?? "an unknown node"}`);
      }
      context.progress?.({ progress: polls, message: `${action}: waiting for HA` });
      await delay(POLL_MS, { clock: this.#clock, signal: cancelling(context.signal) });
    }
  }

  /** The reason is in the log on stdout; stderr has two words. */
  async #problem(
    guest: Guest,
    target: string,
    action: string,
    answer: HostAnswer,
    context: ToolContext,
  ): Promise<RemoteExecError> {
    if (/^can't migrate running \w+ without/m.test(answer.stderr)) return mustMoveRunning(guest);
    const reason = parseMigrationFailure(answer.stdout);
    if (reason === undefined) return await explain(this.#host, guest, action, answer, context);
    const known = readProblem(guest, action, reason);
    const found = await this.#find(guest, context).catch((error) => {
      if (error instanceof RemoteExecError) return undefined;
      throw error;
    });
    return migrationFailed({
      ...{ guest, action, reason, target, node: found?.node, lock: found?.lock },
      known: known instanceof RemoteExecError ? known : undefined,
    });
  }

  async #find(guest: Guest, context: ToolContext): Promise<Resource | undefined> {
    return (await this.#resources(context)).find(({ vmid }) => vmid === guest.id);
  }

  async #resources(context: ToolContext): Promise<Resource[]> {
    return parseResources(await this.#get("/cluster/resources", context));
  }

  async #get(path: string, { signal }: ToolContext): Promise<string> {
    const action = "Reading the cluster";
    return outputOf(
      await this.#host.get(path, [], { signal, progress: undefined, action }),
      action,
    );
  }
}

/** Source: the two programs spell the option for the storage differently. */
function wordsOf(
  guest: Guest,
  { target, movesRunning, storage }: MigrationOrder,
): readonly [string, ...string[]] {
  const isContainer = guest.kind === "container";
  const running = isContainer ? ["--restart", "1"] : ["--online", "1", "--with-local-disks", "1"];
  const option = isContainer ? "--target-storage" : "--targetstorage";
  return [
    programOf(guest),
    ...["migrate", String(guest.id), target],
    ...(movesRunning ? running : []),
    ...(storage === undefined ? [] : [option, storage]),
  ];
}

/** Returns the node of the guest. @throws RemoteExecError if the guest or the target does not fit */
function chooseNodes(
  guest: Guest,
  target: string,
  resources: readonly Resource[],
  { cluster, local }: ClusterStatus,
): string {
  const nodes = resources.filter(({ type }) => type === "node");
  const found = resources.find(({ vmid }) => vmid === guest.id);
  if (found === undefined) throw guestMissing(guest);
  if (found.type !== KINDS[guest.kind].apiType) throw wrongKind(guest);
  const from = found.node ?? "unknown";
  if (from === target) throw alreadyThere(guest, target);
  if (local !== undefined && from !== local) throw onOtherNode(guest, from);
  if (cluster?.isQuorate === false) throw noQuorum();
  const there = nodes.find(({ node }) => node === target);
  if (there === undefined) throw nodeMissing(target, nodes.flatMap(({ node }) => node ?? []));
  if (there.status === "offline") throw nodeOffline(target);
  return from;
}
