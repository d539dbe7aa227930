import { cancelling } from "../../async/cancelling.ts";
import type { Clock } from "../../async/clock.ts";
import { delay } from "../../async/delay.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { haPending, notRunning, otherState, unreadable } from "../errors.ts";
import { type HostCall, outputOf, type ProxmoxHost } from "../host.ts";
import {
  type ContainerRow,
  type GuestConfig,
  parseConfig,
  parseContainerList,
  parseHaRequest,
  parsePid,
  parseStatus,
  parseWarnings,
} from "../parsers/pct.ts";
import { parseVmList, type VmRow } from "../parsers/qm.ts";
import { explain, readBack } from "../problem.ts";
import { GuestAddresses, LIST_CONTAINERS, LIST_VMS, withAddresses } from "./addresses.ts";
import { type Guest, guestInText, programOf } from "./guest.ts";

const STATUS_MS = 30_000;
const POLL_MS = 1_000;
/** What a command takes beyond the guest's own time: up to 10 s for the lock, and its own start. */
const MARGIN_MS = 30_000;

/** A change of state, named like the subcommand of `pct` and `qm`. */
export type Verb = "start" | "stop" | "shutdown" | "reboot";

interface VerbFacts {
  /** As errors name it: "Starting container 101". */
  readonly doing: string;
  /** The state that the guest must have afterwards. */
  readonly wanted: "running" | "stopped";
  /** Set if the time limit is the guest's: the command itself gets this much more. */
  readonly marginMs?: number;
  /** The wanted state is also the one before, so that the guest's process must be a new one. */
  readonly restarts?: boolean;
}

const VERBS: Readonly<Record<Verb, VerbFacts>> = {
  start: { doing: "Starting", wanted: "running" },
  stop: { doing: "Stopping", wanted: "stopped" },
  shutdown: { doing: "Shutting down", wanted: "stopped", marginMs: MARGIN_MS },
  reboot: { doing: "Rebooting", wanted: "running", marginMs: 2 * MARGIN_MS, restarts: true },
};

/** How to carry out a change. */
export interface ChangeOptions {
  /** For start and stop: of the command. For shutdown and reboot: what the guest gets to shut down. */
  readonly timeoutMs: number;
  /** Shutdown only: kill the guest when the time is over. */
  readonly force?: boolean;
}

/** The result of a change; the state was read back. */
export interface Changed {
  /** HA was asked for the change and carried it out. */
  readonly byHa: boolean;
  readonly warnings: readonly string[];
}

/** A change whose command has ended, and the state to be confirmed. */
interface Unconfirmed {
  readonly guest: Guest;
  readonly action: string;
  readonly wanted: string;
  readonly limitMs: number;
  readonly deadlineMs: number;
  /** What the change still waits for; undefined if the guest must be in the wanted state at once. */
  readonly waitsFor: "HA" | "its start" | undefined;
}

/** Lists the guests of this node, reads and changes their state. Works for both kinds. */
export class Guests {
  readonly #host: ProxmoxHost;
  readonly #clock: Clock;
  readonly #addresses: GuestAddresses;

  constructor(host: ProxmoxHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
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

  /**
   * Changes the state and reads it back: an exit code of 0 is no proof. If HA manages the guest, the
   * command only sends a request; this waits until HA has carried it out.
   *
   * @throws RemoteExecError `invalid_state` if the guest already is in that state, `timeout`, `locked`,
   *   `verification_failed` if the state read back is another one
   */
  async change(
    guest: Guest,
    verb: Verb,
    { timeoutMs, force = false }: ChangeOptions,
    context: ToolContext,
  ): Promise<Changed> {
    const { doing, wanted, marginMs, restarts } = VERBS[verb];
    const action = `${doing} ${guestInText(guest)}`;
    const limitMs = timeoutMs + (marginMs ?? 0);
    await this.#refuseStopOfStopped(guest, wanted, context);
    const deadlineMs = this.#clock.elapsed() + limitMs;
    const pidBefore = restarts ? await this.#pid(guest, context) : undefined;
    const answer = await this.#host.task([
      programOf(guest),
      verb,
      String(guest.id),
      ...(marginMs === undefined ? [] : ["--timeout", String(Math.round(timeoutMs / 1000))]),
      ...(force ? ["--forceStop", "1"] : []),
    ], { ...context, action, timeoutMs: limitMs });
    if (answer.code !== 0) throw await explain(this.#host, guest, action, answer, context);
    const byHa = parseHaRequest(answer.stdout) !== undefined;
    const waitsFor = byHa ? "HA" : restarts && guest.kind === "vm" ? "its start" : undefined;
    await this.#confirm({ guest, action, wanted, limitMs, deadlineMs, waitsFor }, context);
    if (
      pidBefore !== undefined && pidBefore === await readBack(action, this.#pid(guest, context))
    ) {
      throw otherState(guest, action, "running as before");
    }
    return { byHa, warnings: parseWarnings(answer.stdout) };
  }

  /**
   * `qm stop` and `qm shutdown` exit with 0 for a VM that is stopped, unlike `pct`.
   *
   * Source: qemu-server e6352be src/PVE/QemuServer.pm:6251-6373, 8433-8444.
   */
  async #refuseStopOfStopped(guest: Guest, wanted: string, context: ToolContext): Promise<void> {
    if (guest.kind === "container" || wanted !== "stopped") return;
    if (await this.status(guest, context) === "stopped") throw notRunning(guest);
  }

  /**
   * Reads the state back. Waits for HA, and for the second half of a VM's reboot: `qm reboot` ends when
   * the VM has stopped, and only then does `qmeventd` start it again.
   *
   * Source: qemu-server e6352be src/PVE/QemuServer.pm:6375-6399, src/PVE/CLI/qm.pm:1163-1180.
   */
  async #confirm(change: Unconfirmed, { signal, progress }: ToolContext): Promise<void> {
    const { guest, action, wanted, limitMs, deadlineMs, waitsFor } = change;
    for (let polls = 1;; polls++) {
      const state = await readBack(action, this.status(guest, { signal, progress: undefined }));
      if (state === wanted) return;
      if (waitsFor === undefined || this.#clock.elapsed() >= deadlineMs) {
        throw waitsFor === "HA"
          ? haPending(guest, action, limitMs / 1000, state)
          : otherState(guest, action, state);
      }
      progress?.({ progress: polls, message: `${action}: waiting for ${waitsFor}` });
      await delay(POLL_MS, { clock: this.#clock, signal: cancelling(signal) });
    }
  }

  /** Returns undefined for a guest that is not running or does not exist. */
  async #pid(guest: Guest, context: ToolContext): Promise<string | undefined> {
    const { stdout } = await this.#host.run(
      [programOf(guest), "status", String(guest.id), "--verbose"],
      { ...context, action: "Reading the status", timeoutMs: STATUS_MS },
    );
    return parsePid(stdout);
  }

  async #read(guest: Guest, verb: string, call: HostCall): Promise<string> {
    const answer = await this.#host.run([programOf(guest), verb, String(guest.id)], call);
    if (answer.code === 0) return answer.stdout;
    throw await explain(this.#host, guest, call.action, answer, call);
  }
}
