/** One row of `pct list`. */
export interface ContainerRow {
  readonly ctid: number;
  readonly status: string;
  readonly name: string;
  /** For example `backup`; left out if the container is not locked. */
  readonly lock?: string;
  /** Not in the program's own list; left out if there is none or none was asked for. */
  readonly addresses?: readonly string[];
}

/**
 * Parses `pct list`, which prints nothing at all without containers. Locks and names may be longer than
 * their columns; the columns before the lock never are.
 *
 * Source: pve-container 94f5585 src/PVE/CLI/pct.pm:1057-1072, `%-10s %-10s %-12s %-20s`.
 */
export function parseContainerList(stdout: string): ContainerRow[] {
  return stdout.split("\n").flatMap((line) => {
    const [, id, status = ""] =
      /^(\d{3,9}) +(running|stopped)\b/.exec(line.slice(0, LOCK_COLUMN)) ?? [];
    if (id === undefined) return [];
    const rest = line.slice(LOCK_COLUMN);
    const [lock = "", name = ""] = /^\s/.test(rest) ? ["", rest.trim()] : rest.trim().split(/ +/);
    return [{ ctid: Number(id), status, name, ...(lock === "" ? {} : { lock }) }];
  });
}

const LOCK_COLUMN = 22;

/** Parses `pct status` and `qm status`; undefined if the output has no status. */
export const parseStatus = (stdout: string): string | undefined =>
  /^status: (\S+)$/m.exec(stdout)?.[1];

/** Parses the process ID of a running guest from `pct status --verbose` or `qm status --verbose`. */
export const parsePid = (stdout: string): string | undefined => /^pid: (\d+)$/m.exec(stdout)?.[1];

/** A guest's configuration. */
export interface GuestConfig {
  readonly options: Readonly<Record<string, string>>;
  /** Lines `lxc.KEY: VALUE`, of containers only; a key may occur more than once. */
  readonly raw: readonly string[];
}

/** Parses `pct config` and `qm config`, and decodes the percent-encoded description. */
export function parseConfig(stdout: string): GuestConfig {
  const options: Record<string, string> = {};
  const raw: string[] = [];
  for (const line of stdout.split("\n")) {
    const [, key, value = ""] = /^([a-z][a-z0-9_.-]*): ?(.*)$/.exec(line) ?? [];
    if (key === undefined) continue;
    if (key.startsWith("lxc.")) raw.push(line);
    else options[key] = key === "description" ? decodeDescription(value) : value;
  }
  return { options, raw };
}

/** Decodes the percent-encoded text of a description. */
export function decodeDescription(value: string): string {
  try {
    return decodeURIComponent(value).trimEnd();
  } catch {
    return value; // a literal percent sign, from a version that did not encode
  }
}

/** Parses what the command requested from HA, `start` or `stop`; undefined for a guest without HA. */
export const parseHaRequest = (stdout: string): string | undefined =>
  /^Requesting HA (\w+) for (?:CT|VM) \d+(?: to node \S+)?$/m.exec(stdout)?.[1];

/** Parses the warnings of a successful task. Source: pve-common f665029 RESTEnvironment.pm:761-770. */
export const parseWarnings = (stdout: string): string[] =>
  stdout.split("\n").filter((line) => /^WARN: /.test(line)).map((line) => line.slice(6).trim());
