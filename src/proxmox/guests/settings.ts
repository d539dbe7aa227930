import { RemoteExecError } from "../../errors.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { type HostAnswer, type ProxmoxHost } from "../host.ts";
import { nextValue, parsePending, type PendingConfig } from "../parsers/pending.ts";
import { explain, readBack } from "../problem.ts";
import { changedAllTheSame, nothingToSet, settingIgnored } from "./errors.ts";
import { type Guest, guestInText, programOf } from "./guest.ts";
import { withOldIdentity } from "./network_device.ts";

const SET_MS = 60_000;

/** New values by key of the configuration; null removes a key. */
export type Settings = Readonly<Record<string, string | null>>;

/** The keys that a change concerned, as read back. */
export interface ChangedSettings {
  /** Values that counted before; a key that was missing is missing. */
  readonly before: Readonly<Record<string, string>>;
  /** Values from the next start on. */
  readonly after: Readonly<Record<string, string>>;
  /** Keys whose change takes effect only after a restart. */
  readonly pending: readonly string[];
}

/** Changes the configuration of guests. Works for both kinds. */
export class GuestSettings {
  readonly #host: ProxmoxHost;

  constructor(host: ProxmoxHost) {
    this.#host = host;
  }

  /**
   * Changes keys and reads them back. A network device keeps its MAC address and its name in the guest unless
   * new ones are given: Proxmox VE would make new ones.
   *
   * @throws RemoteExecError `invalid_argument`, `locked`, `not_found`; `verification_failed` if a value that was
   *   read back is another one
   */
  async set(guest: Guest, settings: Settings, context: ToolContext): Promise<ChangedSettings> {
    const action = `Changing ${guestInText(guest)}`;
    if (Object.keys(settings).length === 0) throw nothingToSet();
    const before = await this.#pending(guest, context);
    const wanted = complete(guest, settings, before);
    // A key that is not set cannot be removed: Proxmox VE only warns.
    const answer = await this.#run(guest, wanted, before, { ...context, action });
    if (answer.code !== 0) {
      throw await this.#problem(guest, wanted, before, answer, context, action);
    }
    const after = await readBack(action, this.#pending(guest, context));
    const ignored = Object.keys(wanted).filter((key) => !isSet(key, wanted[key], after));
    if (ignored.length > 0) throw settingIgnored(guest, ignored);
    return changesOf(Object.keys(wanted), before, after);
  }

  async #run(
    guest: Guest,
    wanted: Settings,
    before: PendingConfig,
    context: ToolContext & { readonly action: string },
  ): Promise<HostAnswer> {
    const entries = Object.entries(wanted);
    // With `=` a value may begin with a dash.
    const given = entries.flatMap(([key, value]) => value === null ? [] : [`--${key}=${value}`]);
    const removed = entries.filter(([key, value]) => value === null && before.has(key))
      .map(([key]) => key);
    const options = [...given, ...(removed.length === 0 ? [] : [`--delete=${removed.join(",")}`])];
    if (options.length === 0) return { code: 0, stdout: "", stderr: "" };
    const call = { ...context, timeoutMs: SET_MS };
    return await this.#host.run([programOf(guest), "set", String(guest.id), ...options], call);
  }

  async #pending(guest: Guest, context: ToolContext): Promise<PendingConfig> {
    const call = { ...context, action: "Reading the configuration" };
    const answer = await this.#host.run([programOf(guest), "pending", String(guest.id)], call);
    if (answer.code === 0) return parsePending(answer.stdout);
    throw await explain(this.#host, guest, call.action, answer, context);
  }

  /** Some versions keep the changes before the one that failed. */
  async #problem(
    guest: Guest,
    wanted: Settings,
    before: PendingConfig,
    answer: HostAnswer,
    context: ToolContext,
    action: string,
  ): Promise<RemoteExecError> {
    const problem = await explain(this.#host, guest, action, answer, context);
    const after = await this.#pending(guest, context).catch((error) => {
      if (error instanceof RemoteExecError) return before;
      throw error;
    });
    const changed = Object.keys(wanted)
      .filter((key) => nextValue(before, key) !== nextValue(after, key));
    return changed.length === 0 ? problem : changedAllTheSame(problem, changed);
  }
}

const complete = (guest: Guest, settings: Settings, before: PendingConfig): Settings =>
  Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [
      key,
      value === null || !/^net\d+$/.test(key)
        ? value
        : withOldIdentity(guest.kind, value, nextValue(before, key)),
    ]),
  );

function changesOf(
  keys: readonly string[],
  before: PendingConfig,
  after: PendingConfig,
): ChangedSettings {
  const values = (valueOf: (key: string) => string | undefined) =>
    Object.fromEntries(keys.flatMap((key) => {
      const value = valueOf(key);
      return value === undefined ? [] : [[key, value]];
    }));
  return {
    before: values((key) => before.get(key)?.current),
    after: values((key) => nextValue(after, key)),
    pending: keys.filter((key) => {
      const found = after.get(key);
      return found?.isRemoved === true || found?.next !== undefined;
    }),
  };
}

/** Proxmox VE may write a value in another form: sorted tags, a network device with its MAC address. */
function isSet(key: string, wanted: string | null | undefined, after: PendingConfig): boolean {
  const found = nextValue(after, key);
  if (wanted === null || wanted === undefined) return found === undefined;
  if (found === undefined) return false;
  if (/^net\d+$/.test(key)) return parts(wanted).every((part) => parts(found).includes(part));
  if (key === "tags") return words(wanted).every((tag) => words(found).includes(tag));
  if (key === "memory") return found.replace(/^current=/, "") === wanted;
  return found.trimEnd() === wanted.trimEnd();
}

const parts = (device: string): string[] =>
  device.toLowerCase().split(",").filter((part) => part.includes("="));

const words = (list: string): string[] =>
  list.toLowerCase().split(/[\s,;]+/).filter((word) => word !== "");
