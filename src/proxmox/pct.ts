/** What `pct` prints, as values. Pure. */

/** One row of `pct list`. */
export interface ContainerRow {
  readonly ctid: number;
  readonly status: string;
  readonly name: string;
  /** For example `backup`; left out when there is none. */
  readonly lock?: string;
}

/**
 * Reads `pct list`. Without containers it prints nothing at all.
 *
 * Source: pve-container 94f5585 src/PVE/CLI/pct.pm:1057-1072, `%-10s %-10s %-12s %-20s`. Long locks and
 * names are not cut, but what stands before the lock always fits its columns.
 */
export function parseContainerList(stdout: string): ContainerRow[] {
  return stdout.split("\n").flatMap((line) => {
    const [, id, status = ""] = /^(\d+) +(\S+)/.exec(line.slice(0, LOCK_COLUMN)) ?? [];
    if (id === undefined) return [];
    const rest = line.slice(LOCK_COLUMN);
    const [lock = "", name = ""] = /^\s/.test(rest) ? ["", rest.trim()] : rest.trim().split(/ +/);
    return [{ ctid: Number(id), status, name, ...(lock === "" ? {} : { lock }) }];
  });
}

const LOCK_COLUMN = 22;

/** The word behind `status: `, of `pct status` and `qm status`; undefined when there is none. */
export const parseStatus = (stdout: string): string | undefined =>
  /^status: (\S+)$/m.exec(stdout)?.[1];

/** The process that a running guest is; of `pct status --verbose` and `qm status --verbose`. */
export const parsePid = (stdout: string): string | undefined => /^pid: (\d+)$/m.exec(stdout)?.[1];

/** A guest's configuration. */
export interface GuestConfig {
  readonly options: Readonly<Record<string, string>>;
  /** Lines `lxc.KEY: VALUE`; keys may come more than once. */
  readonly raw: readonly string[];
}

/** Reads `pct config`. The description is percent-encoded there and decoded here. */
export function parseConfig(stdout: string): GuestConfig {
  const options: Record<string, string> = {};
  const raw: string[] = [];
  for (const line of stdout.split("\n")) {
    const [, key, value = ""] = /^([^:\s]+): ?(.*)$/.exec(line) ?? [];
    if (key === undefined) continue;
    if (key.startsWith("lxc.")) raw.push(line);
    else options[key] = key === "description" ? decodeDescription(value) : value;
  }
  return { options, raw };
}

function decodeDescription(value: string): string {
  try {
    return decodeURIComponent(value).trimEnd();
  } catch {
    return value; // a percent sign of its own, from a version that did not encode
  }
}

/** What HA will do instead of the command: `start` or `stop`; undefined for a guest without HA. */
export const parseHaRequest = (stdout: string): string | undefined =>
  /^Requesting HA (\w+) for (?:CT|VM) \d+$/m.exec(stdout)?.[1];

/** The warnings of a task that ended well. Source: pve-common f665029 RESTEnvironment.pm:761-770. */
export const parseWarnings = (stdout: string): string[] =>
  stdout.split("\n").filter((line) => /^WARN: /.test(line)).map((line) => line.slice(6).trim());
