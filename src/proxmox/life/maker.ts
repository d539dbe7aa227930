import { cancelling } from "../../async/cancelling.ts";
import type { Clock } from "../../async/clock.ts";
import { delay } from "../../async/delay.ts";
import { RemoteExecError } from "../../errors.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import type { Storages } from "../cluster/storages.ts";
import { unreadable } from "../errors.ts";
import type { Guests } from "../guests/guests.ts";
import { type Guest, guestInText, type GuestKind } from "../guests/guest.ts";
import { isRunning, outputOf, type ProxmoxHost, type RunningTask, withoutNoise } from "../host.ts";
import { parseWarnings } from "../parsers/pct.ts";
import { parseNextId } from "../parsers/pvesh.ts";
import { explain, findInCluster, readBack } from "../problem.ts";
import type { StateChanges } from "../states/changes.ts";
import {
  idTaken,
  type Leftovers,
  noStorage,
  notStarted,
  otherResult,
  overwriteFailed,
  stoppedAgain,
  withLeftovers,
} from "./errors.ts";
import { makingProblem } from "./making_problem.ts";
import { type HostCommand, wordsOf } from "./host_input.ts";

/** How often an ID that somebody else took in the meantime is replaced by the next one. */
const MAX_ATTEMPTS = 8;
const START_MS = 60_000;
/** How long a new guest gets to have an address. */
const ADDRESS_MS = 30_000;
const POLL_MS = 1_000;
/** A failing init takes a moment to stop. */
const MIN_LOOKS = 3;

/** A guest to be made by one command. */
export interface MakingOrder {
  readonly kind: GuestKind;
  /** Undefined: the next free one. */
  readonly id: number | undefined;
  /** As errors name it: "Creating container 105". */
  readonly action: (guest: Guest) => string;
  readonly command: (id: number) => HostCommand;
  /** The guest that is cloned. */
  readonly source?: Guest;
  /** It replaces the guest that has this ID now. */
  readonly overwrites?: boolean;
  /** Its name must be this afterwards, if it is given. */
  readonly name?: string | undefined;
  /** Start it and wait for an address. */
  readonly start: boolean;
  readonly timeoutMs: number;
}

/** A guest that was made; everything was read back. */
export interface MadeGuest {
  readonly guest: Guest;
  readonly config: Readonly<Record<string, string>>;
  readonly status: string;
  readonly addresses: readonly string[];
  readonly warnings: readonly string[];
  /** It exists, but the start failed. */
  readonly failure?: RemoteExecError;
  /** It exists, and its start goes on as a job. */
  readonly start?: RunningTask;
}

/** A guest whose command goes on as a job. */
export interface GuestInTheMaking extends RunningTask {
  readonly guest: Guest;
}

/** Makes guests, and proves that they are there. */
export class GuestMaker {
  readonly #host: ProxmoxHost;
  readonly #guests: Guests;
  readonly #states: StateChanges;
  readonly #storages: Storages;
  readonly #clock: Clock;

  constructor(
    host: ProxmoxHost,
    { guests, states, storages, clock }: {
      readonly guests: Guests;
      readonly states: StateChanges;
      readonly storages: Storages;
      readonly clock: Clock;
    },
  ) {
    this.#host = host;
    this.#guests = guests;
    this.#states = states;
    this.#storages = storages;
    this.#clock = clock;
  }

  /**
   * Runs the command and reads the guest back. The exit code is no proof, and a start is a step of its own: with
   * `--start` Proxmox VE reports success although the start failed.
   *
   * @throws RemoteExecError that also says what was left behind
   */
  async make(
    order: MakingOrder,
    context: ToolContext,
  ): Promise<MadeGuest | GuestInTheMaking> {
    const startedAt = this.#clock.elapsed();
    await this.#refuseTaken(order, context);
    for (let attempt = 1;; attempt++) {
      const guest = { kind: order.kind, id: order.id ?? await this.#nextId(context) };
      try {
        const made = await this.#run(guest, order, context);
        if ("jobId" in made) return made;
        if ("problem" in made) throw made.problem;
        return await this.#finish(guest, order, { ...made, startedAt }, context);
      } catch (error) {
        const isTaken = error instanceof RemoteExecError && error.code === "already_exists";
        // `nextid` reserves nothing, so the ID may be taken by now.
        if (!isTaken || order.id !== undefined || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  /** Returns the active storage with the most free space that may hold such disks. @throws RemoteExecError */
  async storageFor(kind: GuestKind, context: ToolContext): Promise<string> {
    const content = kind === "container" ? "rootdir" : "images";
    const storages = (await this.#storages.list(content, context)).filter(({ isActive }) =>
      isActive
    );
    const [best] = storages.toSorted((a, b) => b.available - a.available);
    if (best === undefined) throw noStorage(content);
    return best.name;
  }

  /**
   * What is left after a failure is what has the ID then, so it must be free before. `qm clone` also says only in
   * obscure words that an ID belongs to a container or to another node.
   */
  async #refuseTaken({ id, overwrites }: MakingOrder, { signal }: ToolContext): Promise<void> {
    if (id === undefined || overwrites) return;
    if (await findInCluster(this.#host, id, signal) !== undefined) throw idTaken(id);
  }

  async #nextId(context: ToolContext): Promise<number> {
    const action = "Finding a free ID";
    const answer = await this.#host.get("/cluster/nextid", [], { ...context, action });
    const stdout = outputOf(answer, action);
    const id = parseNextId(stdout);
    if (id === undefined) throw unreadable("pvesh", stdout.slice(0, 100));
    return id;
  }

  async #run(
    guest: Guest,
    { action: actionOf, command, timeoutMs, source = guest, overwrites = false }: MakingOrder,
    context: ToolContext,
  ): Promise<
    GuestInTheMaking | { readonly warnings: readonly string[] } | {
      readonly problem: RemoteExecError;
    }
  > {
    const action = actionOf(guest);
    const order = command(guest.id);
    try {
      const words = await wordsOf(this.#host, order, context.signal);
      const shown = order.words.join(" ");
      const call = { ...context, action, timeoutMs, program: order.words[0], shown };
      const answer = await this.#host.longTask(words, call);
      if (isRunning(answer)) return { ...answer, guest };
      if (answer.code === 0) return { warnings: parseWarnings(answer.stdout) };
      // The source of a clone does not exist, or not here.
      if (/^Configuration file '/m.test(answer.stderr)) {
        return { problem: await explain(this.#host, source, action, answer, context) };
      }
      const stderr = withoutNoise(answer.stderr);
      throw makingProblem(guest, action, { ...answer, stderr }, source);
    } catch (error) {
      if (!(error instanceof RemoteExecError) || context.signal.aborted) throw error;
      if (!MAY_LEAVE.includes(error.code)) throw error;
      const left = await this.leftovers(guest, context);
      throw overwrites ? overwriteFailed(guest, error, left) : withLeftovers(guest, error, left);
    }
  }

  /** Returns what is on the host of a guest that was not finished; undefined if that cannot be read. */
  async leftovers(guest: Guest, { signal }: ToolContext): Promise<Leftovers | undefined> {
    const quiet = { signal, progress: undefined };
    try {
      return { lock: await this.#lock(guest, quiet), volumes: await this.volumes(guest, quiet) };
    } catch (error) {
      if (error instanceof RemoteExecError) return undefined;
      throw error;
    }
  }

  /** Returns the lock, which is empty if there is none; undefined without a configuration. */
  async #lock(guest: Guest, context: ToolContext): Promise<string | undefined> {
    try {
      return (await this.#guests.config(guest, context)).options.lock ?? "";
    } catch (error) {
      if (error instanceof RemoteExecError && error.code === "not_found") return undefined;
      throw error;
    }
  }

  /** Lists the disks of a guest on all storages, also those that its configuration does not name. */
  async volumes(
    { kind, id }: Guest,
    context: Pick<ToolContext, "signal">,
  ): Promise<string[]> {
    const storages = await this.#storages.list(
      kind === "container" ? "rootdir" : "images",
      context,
    );
    const active = storages.filter(({ isActive }) => isActive);
    const lists = await Promise.all(
      active.map(({ name }) => this.#storages.content(name, { vmid: id }, context)),
    );
    return lists.flat().map(({ volid }) => volid).filter((volid) => !/:backup\//.test(volid));
  }

  async #finish(
    guest: Guest,
    order: MakingOrder,
    { warnings, startedAt }: { readonly warnings: readonly string[]; readonly startedAt: number },
    context: ToolContext,
  ): Promise<MadeGuest> {
    const action = order.action(guest);
    const { options: config } = await readBack(action, this.#guests.config(guest, context));
    verify(guest, action, order, config);
    const made = { guest, config, status: "stopped", addresses: [], warnings };
    if (!order.start) return made;
    try {
      const options = { timeoutMs: START_MS, startedAt };
      const started = await this.#states.change(guest, "start", options, context);
      if (isRunning(started)) return { ...made, status: "starting", start: started };
      const look = await this.#awaitAddress(guest, config, startedAt, context);
      const notes = look.addresses.length === 0 && mayHaveAddress(guest, config)
        ? [`It has no IP address yet: proxmox_list_${guest.kind}s shows it as soon as it has one`]
        : [];
      const all = { ...made, ...look, warnings: [...warnings, ...started.warnings, ...notes] };
      return look.status === "running" ? all : { ...all, failure: stoppedAgain(guest, action) };
    } catch (error) {
      if (!(error instanceof RemoteExecError)) throw error;
      return { ...made, failure: notStarted(guest, action, error) };
    }
  }

  /** Waits until the guest has an address, or for as long as the call may take, and looks at its state meanwhile. */
  async #awaitAddress(
    guest: Guest,
    config: Readonly<Record<string, string>>,
    startedAt: number,
    { signal, progress }: ToolContext,
  ): Promise<{ readonly status: string; readonly addresses: readonly string[] }> {
    const now = this.#clock.elapsed();
    const limit = startedAt + (this.#host.answerWithinMs || Infinity);
    const until = mayHaveAddress(guest, config) ? Math.min(now + ADDRESS_MS, limit) : now;
    for (let looks = 1;; looks++) {
      const look = await this.#guests.look(guest, { signal, progress: undefined });
      const isDone = look.status !== "running" || look.addresses.length > 0 ||
        this.#clock.elapsed() >= until;
      if (look.status !== "running" || (isDone && looks >= MIN_LOOKS)) return look;
      progress?.({ progress: looks, message: `Waiting for an address of ${guestInText(guest)}` });
      await delay(POLL_MS, { clock: this.#clock, signal: cancelling(signal) });
    }
  }
}

/** Failures after which something may be left. */
const MAY_LEAVE: readonly RemoteExecError["code"][] = [
  ...["cancelled", "disk_full", "internal", "io_error", "not_found", "timeout"] as const,
];

/** Without an interface or an agent there is nothing to wait for. */
const mayHaveAddress = (
  { kind }: Guest,
  config: Readonly<Record<string, string>>,
): boolean =>
  Object.keys(config).some((key) => /^net\d+$/.test(key)) &&
  (kind === "container" || /^(?:1|enabled=1)/.test(config.agent ?? ""));

/** @throws RemoteExecError `verification_failed` */
function verify(
  { kind }: Guest,
  action: string,
  { name }: MakingOrder,
  config: Readonly<Record<string, string>>,
): void {
  if (config.lock !== undefined) throw otherResult(action, `it is still locked (${config.lock})`);
  const found = config[kind === "container" ? "hostname" : "name"];
  if (name !== undefined && found !== name) {
    throw otherResult(action, `its name is ${found ?? "missing"} instead of ${name}`);
  }
  if (kind === "container" && config.rootfs === undefined) {
    throw otherResult(action, "it has no disk");
  }
}
