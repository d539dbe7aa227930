import * as z from "zod";
import { unreadable } from "../errors.ts";
import { readJsonOutput } from "./json_output.ts";

/** A number; older versions print some as text. Any other value counts as left out. */
const numberLike = (kind: z.ZodNumber) =>
  z.union([z.number(), z.string().regex(/\d/).transform(Number)]).pipe(kind).optional()
    .catch(undefined);

export const number = numberLike(z.number());
const guestId = numberLike(z.number().int());

/** A boolean, or 1 for true. Any other value counts as false. */
const flag = z.union([z.boolean(), z.coerce.number()]).transform((value) => Number(value) === 1)
  .catch(false);

/** Seconds since 1970, up to the last one that a date can be made of. */
export const time = numberLike(z.number().min(0).max(8_640_000_000_000));

/** A text; a name made of digits may be printed as a number. Any other value counts as left out. */
export const text = z.union([z.string(), z.number().transform(String)]).optional().catch(undefined);

/** `lxc/101` or `qemu/200`: says the kind and ID also if the fields of their own are missing. */
const GUEST_ID = /^(lxc|qemu)\/(\d+)$/;

const resource = z.object({
  type: text,
  id: text,
  node: text,
  vmid: guestId,
  name: text,
  status: text,
  template: number,
  lock: text,
  hastate: text,
  uptime: number,
  cpu: number,
  maxcpu: number,
  mem: number,
  maxmem: number,
  disk: number,
  maxdisk: number,
  netin: number,
  netout: number,
  diskread: number,
  diskwrite: number,
}).transform(({ type, id, vmid, ...rest }, context) => {
  const [, kind = id?.split("/")[0], number] = GUEST_ID.exec(id ?? "") ?? [];
  const known = {
    type: type ?? kind,
    vmid: vmid ?? (number === undefined ? vmid : Number(number)),
  };
  if (known.type !== undefined) return { ...rest, ...known, id, type: known.type };
  context.addIssue("It has no type");
  return z.NEVER;
});

/** An entry of `/cluster/resources`, the only list with real `cpu` values. */
export type Resource = z.infer<typeof resource>;

/** Parses `pvesh get /cluster/resources`. The result includes entries of other types, like storage. */
export const parseResources = (stdout: string): Resource[] => parseList(resource, stdout);

const snapshot = z.object({
  name: z.union([z.string(), z.number().transform(String)]),
  description: text,
  snaptime: time,
  parent: text,
  snapstate: text,
  vmstate: flag,
});

/** A guest's snapshots, oldest first. */
export interface Snapshots {
  readonly snapshots: readonly {
    readonly name: string;
    readonly description: string;
    /** Seconds since 1970; undefined if it is not known. */
    readonly createdAt?: number;
    readonly parent?: string;
    /** Set while it is created or deleted, or if that failed. */
    readonly state?: string;
    /** The memory of a VM was saved too, so that a rollback leaves the VM running. */
    readonly includesRam?: true;
  }[];
  /** The snapshot that the current state is based on. */
  readonly parent?: string;
}

/** Parses `pvesh get …/snapshot`, whose order is random and which has an entry for the current state. */
export function parseSnapshots(stdout: string): Snapshots {
  const entries = parseList(snapshot, stdout);
  const current = entries.find(({ name }) => name === "current");
  const parents = new Map(entries.map(({ name, parent }) => [name, parent]));
  return {
    snapshots: entries.filter((entry) => entry !== current).map((entry) => ({
      name: entry.name,
      description: (entry.description ?? "").trimEnd(),
      ...(entry.snaptime === undefined ? {} : { createdAt: entry.snaptime }),
      ...(entry.parent === undefined ? {} : { parent: entry.parent }),
      ...(entry.snapstate === undefined ? {} : { state: entry.snapstate }),
      ...(entry.vmstate ? { includesRam: true as const } : {}),
    })).sort((a, b) =>
      (a.createdAt ?? 0) - (b.createdAt ?? 0) ||
      ancestors(parents, a.name) - ancestors(parents, b.name) || (a.name < b.name ? -1 : 1)
    ),
    ...(current?.parent === undefined ? {} : { parent: current.parent }),
  };
}

/** Counts the snapshots that one is based on. Times are in seconds, and several may be made within one second. */
function ancestors(parents: ReadonlyMap<string, string | undefined>, name: string): number {
  const seen = new Set<string>();
  for (let at = parents.get(name); at !== undefined && !seen.has(at); at = parents.get(at)) {
    seen.add(at);
  }
  return seen.size;
}

const storage = z.object({
  storage: z.string(),
  content: text,
  active: number,
  enabled: number,
  avail: number,
});

/** A storage that is not turned off. */
export interface Storage {
  readonly name: string;
  /** What it may hold, such as `backup`, `vztmpl`, `rootdir`, `images` or `iso`. */
  readonly content: readonly string[];
  /** False if the node cannot use it now, for example because its server is down. */
  readonly isActive: boolean;
  /** Bytes. */
  readonly available: number;
}

/** Parses `pvesh get /nodes/N/storage` into the storages that may hold something and are not turned off. */
export const parseStorages = (stdout: string, kind: string): Storage[] =>
  parseList(storage, stdout).filter(({ enabled }) => enabled !== 0)
    .map(({ storage, content = "", active, avail = 0 }) => ({
      name: storage,
      content: content.split(","),
      isActive: active !== 0,
      available: avail,
    })).filter(({ content }) => content.includes(kind));

/** Parses `/cluster/nextid`, which is a text also in JSON; undefined if there is no number. */
export function parseNextId(stdout: string): number | undefined {
  const id = /^"?(\d{3,9})"?$/m.exec(stdout)?.[1];
  return id === undefined ? undefined : Number(id);
}

const clusterEntry = z.object({ type: text, quorate: number });

/** Parses `/cluster/status`: a single node has no entry for the cluster and always is quorate. */
export const isQuorate = (stdout: string): boolean =>
  parseList(clusterEntry, stdout).every(({ type, quorate }) => type !== "cluster" || quorate !== 0);

const guestJob = z.object({
  id: text,
  /** Of a backup job: IDs, separated by commas. */
  vmid: text,
  /** Of a replication job. */
  guest: guestId,
});

/** Parses `/cluster/backup` or `/cluster/replication` into the IDs of the jobs that name a guest. */
export const parseGuestJobs = (stdout: string, guest: number): string[] =>
  parseList(guestJob, stdout)
    .filter((job) => job.guest === guest || (job.vmid ?? "").split(",").includes(String(guest)))
    .map(({ id = "?" }) => id);

const volume = z.object({
  volid: z.string(),
  vmid: guestId,
  size: number,
  ctime: time,
  format: text,
  subtype: text,
  notes: text,
  protected: number,
});

/** One backup on a storage. */
export type BackupVolume = z.infer<typeof volume>;

/** Parses `pvesh get /nodes/N/storage/S/content`. */
export const parseVolumes = (stdout: string): BackupVolume[] => parseList(volume, stdout);

/**
 * Parses the list in pvesh's output. An entry that lacks what identifies it is left out. Of several
 * lists, for example in warnings, returns the one with the most entries that fit.
 *
 * @throws RemoteExecError `internal` if there is no list
 */
export function parseList<T>(schema: z.ZodType<T>, stdout: string): T[] {
  for (const values of readJsonOutput(stdout)) {
    const lists = values.filter((value) => Array.isArray(value)).map((list) => {
      const results = list.map((entry) => schema.safeParse(entry));
      const entries = results.flatMap((result) => result.success ? [result.data] : []);
      return { entries, strangers: list.length - entries.length };
    });
    const [best] = lists.filter(({ entries, strangers }) => entries.length > 0 || strangers === 0)
      .sort((a, b) => b.entries.length - a.entries.length);
    if (best !== undefined) return best.entries;
  }
  throw unreadable("pvesh", stdout.slice(0, 100));
}
