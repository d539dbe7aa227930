import { pooledMap } from "../../async/pooled_map.ts";
import type { HostsConfig, Limits, NamedHost } from "../../config/config.ts";
import { matchesPattern } from "../../config/ssh_config/patterns.ts";
import { internalError, printable, RemoteExecError } from "../../errors.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import type { CapturedText, ExecOutcome } from "../port.ts";
import { endingError, type SshService } from "../service.ts";

/** Hosts in one call. */
export const MAX_FLEET = 50;
/** However many hosts share the limit. */
const MIN_CHARACTERS = 500;

/** One command for several hosts. */
export interface FleetCall {
  /** Names, or patterns with `*` and `?`. */
  readonly hosts: readonly string[];
  readonly command: string;
  /** For each host, connecting included. */
  readonly timeoutMs: number;
  readonly maxParallel: number;
}

/** Hosts on which the command ended in the same way with the same output. */
export interface FleetGroup {
  readonly hosts: readonly string[];
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: CapturedText;
  readonly stderr: CapturedText;
}

/** A host without a result. */
export interface FleetFailure {
  readonly host: string;
  readonly error: RemoteExecError;
}

/** The results, both in the order of the hosts. */
export interface FleetOutcome {
  readonly groups: readonly FleetGroup[];
  readonly failed: readonly FleetFailure[];
}

/** Runs one command on several hosts. */
export class FleetService {
  readonly #hosts: HostsConfig;
  readonly #services: (host: number) => Pick<SshService, "exec">;
  readonly #limits: Limits;

  /** @param services returns the service of a host, by its number */
  constructor(
    hosts: HostsConfig,
    services: (host: number) => Pick<SshService, "exec">,
    limits: Limits,
  ) {
    this.#hosts = hosts;
    this.#services = services;
    this.#limits = limits;
  }

  /**
   * Runs the command on all hosts, some at a time. A host that fails is part of the outcome.
   *
   * @throws RemoteExecError `invalid_argument` if a name is not known or there are too many hosts
   */
  async exec(call: FleetCall, { signal, progress }: ToolContext): Promise<FleetOutcome> {
    const hosts = this.#chosen(call.hosts);
    const characterLimit = Math.max(
      MIN_CHARACTERS,
      Math.floor(this.#limits.characterLimit / hosts.length),
    );
    const { command, timeoutMs } = call;
    const width = Math.min(call.maxParallel, this.#hosts.maxWorkers);
    let done = 0;
    const results = await pooledMap(hosts, width, async (host) => {
      const request = { command, timeoutMs, characterLimit, signal, progress: undefined };
      const result = await this.#run(host, request);
      progress?.({ progress: ++done, total: hosts.length, message: host.name });
      return result;
    });
    return {
      groups: grouped(results.flatMap((each) => "outcome" in each ? [each] : [])),
      failed: results.flatMap((each) => "error" in each ? [each] : []),
    };
  }

  async #run(
    { name, ssh, fault }: NamedHost,
    request: Parameters<SshService["exec"]>[0],
  ): Promise<FleetFailure | Ran> {
    try {
      if (ssh === undefined) {
        const { message = "not configured", remedy = "Correct the configuration" } = fault ?? {};
        throw new RemoteExecError("host_unusable", message, remedy);
      }
      const number = this.#hosts.list.findIndex((host) => host.name === name);
      const outcome = await this.#services(number).exec(request);
      const error = endingError(outcome, request.timeoutMs);
      return error === undefined ? { host: name, outcome } : { host: name, error };
    } catch (error) {
      const known = error instanceof RemoteExecError ? error : internalError(error);
      return { host: name, error: known };
    }
  }

  #chosen(words: readonly string[]): NamedHost[] {
    const { list } = this.#hosts;
    const chosen = new Set<NamedHost>();
    for (const word of words) {
      const found = list.filter(({ name }) => name === word || matchesPattern(name, word));
      if (found.length === 0) throw unknownHost(word);
      for (const host of found) chosen.add(host);
    }
    if (chosen.size > MAX_FLEET) throw tooManyHosts(chosen.size);
    return [...chosen];
  }
}

interface Ran {
  readonly host: string;
  readonly outcome: ExecOutcome;
}

function grouped(results: readonly Ran[]): FleetGroup[] {
  const groups = new Map<string, { hosts: string[]; outcome: ExecOutcome }>();
  for (const { host, outcome } of results) {
    const { exitCode, signal, stdout, stderr } = outcome;
    const key = JSON.stringify([exitCode, signal, stdout, stderr]);
    const group = groups.get(key) ?? { hosts: [], outcome };
    group.hosts.push(host);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ hosts, outcome: { exitCode, signal, stdout, stderr } }) => ({
    ...{ hosts, exitCode, signal, stdout, stderr },
  }));
}

const unknownHost = (word: string) =>
  new RemoteExecError(
    "invalid_argument",
    `No host is named ${printable(word)}, and no name matches it; nothing was run`,
    "Correct the name in hosts",
  );

const tooManyHosts = (count: number) =>
  new RemoteExecError(
    "invalid_argument",
    `${count} hosts are more than ${MAX_FLEET}; nothing was run`,
    "Divide the hosts into several calls",
  );
