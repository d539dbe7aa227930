import type { JobFacts, JobState } from "../../jobs/port.ts";

/** What a job's directory says about it, in one line of JSON; written by the start script. */
export interface JobMeta {
  readonly command: string;
  readonly maxRuntimeMs: number;
  readonly name?: string;
  readonly ctid?: number;
  readonly vmid?: number;
  readonly graceMs?: number;
}

/** Max characters of a command that a list of jobs names. */
const MAX_SHOWN = 1_000;

/** Max characters of a job's name. */
const MAX_NAME = 100;

/** Formats the line; it is ASCII, whatever the texts are. */
export function formatMeta(meta: JobMeta): string {
  const shown = Array.from(meta.command).slice(0, MAX_SHOWN).join("");
  return JSON.stringify({ ...meta, command: shown }).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const STATES: readonly JobState[] = ["running", "exited", "stopped", "timed_out", "lost"];

/** The host's clock, and its time since the start, which is exact to 10 ms. */
interface Now {
  readonly atMs: number;
  readonly uptimeMs: number | undefined;
}

/** A job as the scripts print it, one field after another. */
interface Draft {
  readonly id: string;
  status: readonly string[];
  startedAtMs: number;
  startUptimeMs: number | undefined;
  meta: Partial<JobMeta>;
  stdoutBytes: number;
  stderrBytes: number;
  isPrivate: boolean;
  /** False while its start has not written everything. */
  isComplete: boolean;
}

/**
 * Collects the lines that the scripts print about jobs: `J ID STATUS`, `A START BOOT UPTIME HOST .`, `M META`,
 * `Z STDOUT STDERR` (sizes of the last job), `T NOW UPTIME`, lines of `ls -ldn`, and the files `meta` and
 * `status` with the headers of `head`. Other lines are ignored.
 */
export class JobRecords {
  readonly #drafts = new Map<string, Draft>();
  #last: Draft | undefined;
  /** The next line, if it is one of a file. */
  #line: string | undefined;
  #now: Now = { atMs: 0, uptimeMs: undefined };

  /** Adds one line. */
  add(line: string): void {
    if (this.#startsFile(line) || this.#isOfFile(line)) return;
    const rest = line.slice(2);
    const [first = "", second = "", third = ""] = rest.split(" ");
    switch (line.slice(0, 2)) {
      case "J ":
        return this.#begin(rest.trim().split(/ +/));
      case "A ":
        return this.#start(first, third);
      case "M ":
        if (this.#last) this.#last.meta = parseMeta(rest);
        return;
      case "Z ":
        if (this.#last) this.#size(this.#last, Number(first), Number(second));
        return;
      case "T ":
        this.#now = { atMs: Number(first) * 1000, uptimeMs: scaled(numberIn(second), 10) };
        return;
      default:
        this.#listed(line);
    }
  }

  /** The jobs in the order of their start. */
  get jobs(): JobFacts[] {
    return this.#trusted
      .sort((a, b) =>
        a.startedAtMs - b.startedAtMs || (a.startUptimeMs ?? 0) - (b.startUptimeMs ?? 0)
      )
      .map((draft) => factsOf(draft, this.#now));
  }

  /** The jobs that ended more than this time ago. */
  expired(keepMs: number): string[] {
    const { atMs } = this.#now;
    return this.#trusted.filter(({ status }) => {
      const { endedAtMs } = parseStatus(status);
      return endedAtMs !== undefined && atMs - endedAtMs > keepMs;
    }).map(({ id }) => id);
  }

  get #trusted(): Draft[] {
    return [...this.#drafts.values()].filter((draft) => draft.isPrivate && draft.isComplete);
  }

  /** Reads the header of a file; the file `meta` begins a job. */
  #startsFile(line: string): boolean {
    const [, id = "", name] = /^==> ([0-9a-f]{32})\/(meta|status) <==$/.exec(line) ?? [];
    if (name === undefined) return false;
    if (name === "meta") this.#begin([id], false);
    this.#last = this.#drafts.get(id);
    this.#line = name;
    return true;
  }

  /** Reads a line of a file: one of `status`, two of `meta`. */
  #isOfFile(line: string): boolean {
    const kind = this.#line;
    this.#line = kind === "meta" ? "start" : undefined;
    if (kind === undefined || this.#last === undefined) return kind !== undefined;
    const words = line.trim().split(/ +/);
    if (kind === "meta") this.#last.meta = parseMeta(line);
    else if (kind === "status") this.#last.status = words;
    else {
      this.#start(words[0], words[2]);
      this.#last.isComplete = words.at(-1) === ".";
    }
    return true;
  }

  #start(date = "", uptime = ""): void {
    if (this.#last === undefined) return;
    this.#last.startedAtMs = timeIn(date) ?? 0;
    this.#last.startUptimeMs = scaled(numberIn(uptime), 10);
  }

  #begin([id = "", ...status]: string[], isComplete = true): void {
    this.#last = {
      ...{ id, status, startedAtMs: 0, startUptimeMs: undefined, meta: {} },
      ...{ stdoutBytes: 0, stderrBytes: 0, isPrivate: false, isComplete },
    };
    this.#drafts.set(id, this.#last);
  }

  #size(draft: Draft, stdoutBytes: number, stderrBytes: number): void {
    Object.assign(draft, { stdoutBytes, stderrBytes, isPrivate: true });
  }

  /** Reads a line of `ls -ldn`: mode, links, uid, gid, size, three words of a date, name. */
  #listed(line: string): void {
    const [, mode = "", size = "", id = "", file] =
      /^(\S+) +\d+ +\d+ +\d+ +(\d+) +\S+ +\S+ +\S+ ([0-9a-f]{32})(?:\/(stdout|stderr))?$/
        .exec(line) ?? [];
    const draft = this.#drafts.get(id);
    if (draft === undefined) return;
    if (file === undefined) draft.isPrivate = mode.startsWith("drwx------");
    else if (file === "stdout") draft.stdoutBytes = Number(size);
    else draft.stderrBytes = Number(size);
  }
}

/** The status that a job's runner writes: state, exit code, signal, end, bytes of stdout and stderr, uptime. */
export interface JobStatus {
  readonly state: JobState;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly endedAtMs: number | undefined;
  readonly endUptimeMs: number | undefined;
  /** Bytes that the command wrote, if all of its output is over. */
  readonly stdoutTotal: number | undefined;
  readonly stderrTotal: number | undefined;
}

/** Parses the words of a status; an unknown state counts as `lost`. */
export function parseStatus(
  [state, code = "-", signal = "-", endedAt = "-", stdout = "-", stderr = "-", uptime = "-"]:
    readonly string[],
): JobStatus {
  const known = STATES.find((each) => each === state) ?? "lost";
  const name = /^[A-Z0-9]{1,20}$/.test(signal) ? signal : null;
  return {
    state: known,
    exitCode: name === null ? numberIn(code) ?? null : null,
    signal: name,
    endedAtMs: timeIn(endedAt),
    endUptimeMs: scaled(numberIn(uptime), 10),
    stdoutTotal: numberIn(stdout),
    stderrTotal: numberIn(stderr),
  };
}

const numberIn = (word: string): number | undefined =>
  /^\d{1,15}$/.test(word) ? Number(word) : undefined;

/** Parses seconds since 1970; later times than those of a `Date` count as none. */
const timeIn = (word: string): number | undefined => {
  const seconds = numberIn(word);
  return seconds === undefined || seconds > 8.64e12 ? undefined : seconds * 1000;
};

const scaled = (value: number | undefined, factor: number): number | undefined =>
  value === undefined ? undefined : value * factor;

function factsOf(draft: Draft, now: Now): JobFacts {
  const { id, meta, startedAtMs, stdoutBytes, stderrBytes } = draft;
  const status = parseStatus(draft.status);
  const dropped = Math.max(0, (status.stdoutTotal ?? 0) - stdoutBytes) +
    Math.max(0, (status.stderrTotal ?? 0) - stderrBytes);
  return {
    id,
    ...(meta.name === undefined ? {} : { name: meta.name }),
    command: meta.command ?? "",
    ...(meta.ctid === undefined ? {} : { ctid: meta.ctid }),
    ...(meta.vmid === undefined ? {} : { vmid: meta.vmid }),
    state: status.state,
    startedAtMs,
    runtimeMs: Math.max(0, runtimeOf(draft, status, now)),
    exitCode: status.exitCode,
    signal: status.signal,
    stdoutBytes,
    stderrBytes,
    droppedBytes: dropped,
    maxRuntimeMs: meta.maxRuntimeMs ?? 0,
  };
}

function runtimeOf({ startedAtMs, startUptimeMs }: Draft, status: JobStatus, now: Now): number {
  const isRunning = status.state === "running";
  const endUptimeMs = isRunning ? now.uptimeMs : status.endUptimeMs;
  if (startUptimeMs !== undefined && endUptimeMs !== undefined) return endUptimeMs - startUptimeMs;
  return (isRunning ? now.atMs : status.endedAtMs ?? startedAtMs) - startedAtMs;
}

/** Returns the known fields with the right type; the file may have been changed by its owner. */
function parseMeta(line: string): Partial<JobMeta> {
  const given = parsed(line);
  const text = (value: unknown) => typeof value === "string" ? value : undefined;
  const number = (value: unknown) =>
    typeof value === "number" && Number.isSafeInteger(value) ? value : undefined;
  const name = text(given["name"]);
  const fields = {
    command: text(given["command"]),
    name: name === undefined ? undefined : Array.from(name).slice(0, MAX_NAME).join(""),
    ctid: number(given["ctid"]),
    vmid: number(given["vmid"]),
    maxRuntimeMs: number(given["maxRuntimeMs"]),
    graceMs: number(given["graceMs"]),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function parsed(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
