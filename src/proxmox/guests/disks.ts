import { RemoteExecError } from "../../errors.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { commandFailed, STORAGE_FULL } from "../errors.ts";
import { isRunning, type ProxmoxHost, type RunningTask, withoutNoise } from "../host.ts";
import { type DiskValue, isDisk, parseDisk, parseSize } from "../parsers/disk.ts";
import type { GuestConfig } from "../parsers/pct.ts";
import { explain, readBack, readProblem } from "../problem.ts";
import { alreadyTemplate, diskMissing, hasSnapshots, mustBeStopped, notLarger } from "./errors.ts";
import { type Guest, guestInText, programOf } from "./guest.ts";
import type { Guests } from "./guests.ts";

/** The disk to enlarge, and by how much. */
export interface ResizeOrder {
  /** For example `rootfs`, `mp0` or `scsi0`. */
  readonly disk: string;
  /** Like `+10G` or `50G`. */
  readonly size: string;
  readonly timeoutMs: number;
}

/** A disk that was enlarged; sizes as read back. */
export interface Resized {
  readonly beforeBytes: number;
  readonly afterBytes: number;
  /** Why the file system of the container has its old size; undefined if it has the new one. */
  readonly warning?: string;
}

/** A guest that is a template now. */
export interface Converted {
  readonly disks: readonly string[];
  /** Disks that linked clones cannot use, because their storage cannot. */
  readonly unchanged: readonly string[];
}

/**
 * Enlarges disks and converts guests to templates. Both commands exit with 0 although they failed, so only what was
 * read back counts. Works for both kinds.
 *
 * Source: pve-container 94f5585 src/PVE/CLI/pct.pm:1105,1178; qemu-server e6352be src/PVE/CLI/qm.pm:1358-1495.
 */
export class GuestDisks {
  readonly #host: ProxmoxHost;
  readonly #guests: Guests;

  constructor(host: ProxmoxHost, guests: Guests) {
    this.#host = host;
    this.#guests = guests;
  }

  /**
   * Enlarges a disk. Of a container, the file system grows with it.
   *
   * @throws RemoteExecError `invalid_argument` if it would not become larger, `not_found` for the disk,
   *   `disk_full`, `verification_failed` if it has its old size for another reason
   */
  async resize(
    guest: Guest,
    { disk, size, timeoutMs }: ResizeOrder,
    context: ToolContext,
  ): Promise<Resized | RunningTask> {
    const action = `Resizing ${disk} of ${guestInText(guest)}`;
    const config = await this.#guests.config(guest, context);
    const before = sizeOf(guest, disk, config);
    refuseSmaller(disk, size, before);
    const words = [programOf(guest), "resize", String(guest.id), disk, size] as const;
    const without = `${disk}: ${config.options[disk]}`;
    const look = { words: [programOf(guest), "config", String(guest.id)], without };
    const answer = await this.#host.longTask(words, { ...context, action, timeoutMs, look });
    if (isRunning(answer)) return answer;
    // LVM's reason is on stdout.
    const full = STORAGE_FULL.exec(answer.stdout)?.[1] ?? "";
    const stderr = `${full.trim()}\n${answer.stderr}`.trimStart();
    if (answer.code !== 0) {
      throw await explain(this.#host, guest, action, { ...answer, stderr }, context);
    }
    const afterConfig = await readBack(action, this.#guests.config(guest, context));
    const after = sizeOf(guest, disk, afterConfig);
    if (after <= before) throw failureOf(guest, action, withoutNoise(stderr));
    const warning = /^(Failed to update the container's filesystem: .*)/m.exec(answer.stdout)?.[1];
    return {
      beforeBytes: before,
      afterBytes: after,
      ...(warning === undefined
        ? {}
        : { warning: `${warning.trim()}; the file system still has its old size` }),
    };
  }

  /**
   * Converts a stopped guest to a template, which cannot be undone.
   *
   * @throws RemoteExecError `invalid_state` if it runs, has snapshots or is a template; `verification_failed`
   */
  async convert(
    guest: Guest,
    timeoutMs: number,
    context: ToolContext,
  ): Promise<Converted | RunningTask> {
    const action = `Converting ${guestInText(guest)} to a template`;
    const before = await this.#guests.config(guest, context);
    if (isTemplate(before)) throw alreadyTemplate(guest);
    const words = [programOf(guest), "template", String(guest.id)] as const;
    const look = { words: [programOf(guest), "config", String(guest.id)], line: "template: 1" };
    const answer = await this.#host.longTask(words, { ...context, action, timeoutMs, look });
    if (isRunning(answer)) return answer;
    const text = withoutNoise(answer.stderr);
    if (answer.code !== 0) {
      throw this.#cannotConvert(guest, text) ??
        await explain(this.#host, guest, action, answer, context);
    }
    const after = await readBack(action, this.#guests.config(guest, context));
    if (!isTemplate(after)) throw failureOf(guest, action, text);
    const disks = Object.entries(after.options).filter(([key]) => isDisk(key))
      .map(([key, value]): [string, DiskValue] => [key, parseDisk(value)])
      .filter(([, { bytes, volume }]) => bytes !== undefined && !/cloudinit/.test(volume));
    const isBase = ({ volume }: DiskValue) => /(?:^|[:/])base-\d+-/.test(volume);
    return {
      disks: disks.map(([key]) => key),
      unchanged: disks.filter(([, value]) => !isBase(value)).map(([key]) => key),
    };
  }

  #cannotConvert(guest: Guest, text: string): RemoteExecError | undefined {
    if (/^you can't convert a \w+ to template if the \w+ is running/m.test(text)) {
      return mustBeStopped(guest);
    }
    return /^unable to create template, because \w+ contains snapshots/m.test(text)
      ? hasSnapshots(guest)
      : undefined;
  }
}

const isTemplate = ({ options }: GuestConfig): boolean => options.template === "1";

/** @throws RemoteExecError `not_found` */
function sizeOf(guest: Guest, disk: string, { options }: GuestConfig): number {
  const value = options[disk];
  const bytes = value === undefined ? undefined : parseDisk(value).bytes;
  if (bytes !== undefined) return bytes;
  const names = Object.entries(options)
    .filter(([key, text]) => isDisk(key) && parseDisk(text).bytes !== undefined)
    .map(([key]) => key);
  throw diskMissing(guest, disk, names);
}

/** `qm` says nothing about the same size, and since 8.0 exits with 0 for a smaller one. */
function refuseSmaller(disk: string, size: string, beforeBytes: number): void {
  const wanted = parseSize(size.replace(/^\+/, ""));
  if (wanted === undefined) return;
  const isLarger = size.startsWith("+") ? wanted > 0 : wanted > beforeBytes;
  if (!isLarger) throw notLarger(disk, beforeBytes);
}

/** The reason on stderr of a command that exited with 0. */
function failureOf(guest: Guest, action: string, text: string): RemoteExecError {
  const problem = readProblem(guest, action, text);
  const known = problem === "missing" || problem === "not_running"
    ? commandFailed(action, text)
    : problem;
  if (known.code !== "io_error" && known.code !== "disk_full") return known;
  return new RemoteExecError(
    known.code === "io_error" ? "verification_failed" : known.code,
    `${known.message}; the configuration of ${guestInText(guest)} is unchanged`,
    known.suggestion,
  );
}
