import { z } from "zod";
import { unreadable } from "../errors.ts";

/** A number; older versions print some as text. */
const number = z.union([z.number(), z.string()]).transform(Number).pipe(z.number());

const resource = z.object({
  type: z.string(),
  id: z.string(),
  node: z.string().optional(),
  vmid: number.optional(),
  name: z.string().optional(),
  status: z.string().optional(),
  template: number.optional(),
  lock: z.string().optional(),
  hastate: z.string().optional(),
  uptime: number.optional(),
  cpu: number.optional(),
  maxcpu: number.optional(),
  mem: number.optional(),
  maxmem: number.optional(),
  disk: number.optional(),
  maxdisk: number.optional(),
  netin: number.optional(),
  netout: number.optional(),
  diskread: number.optional(),
  diskwrite: number.optional(),
});

/** An entry of `/cluster/resources`, the only list with real `cpu` values. */
export type Resource = z.infer<typeof resource>;

/** Parses `pvesh get /cluster/resources`. The result includes entries of other types, like storage. */
export const parseResources = (stdout: string): Resource[] => parse(z.array(resource), stdout);

const sample = z.object({
  time: number,
  netin: number.optional(),
  netout: number.optional(),
});

/** Parses the traffic of the last complete minute, in bytes per second; undefined if there is none. */
export function parseNodeTraffic(
  stdout: string,
): { readonly netin: number; readonly netout: number } | undefined {
  const samples = parse(z.array(sample), stdout).sort((a, b) => b.time - a.time);
  for (const { netin, netout } of samples) {
    if (netin !== undefined && netout !== undefined) return { netin, netout };
  }
  return undefined;
}

const snapshot = z.object({
  name: z.string(),
  description: z.string().optional(),
  snaptime: number.optional(),
  parent: z.string().optional(),
  snapstate: z.string().optional(),
});

/** A guest's snapshots, oldest first. */
export interface Snapshots {
  readonly snapshots: readonly {
    readonly name: string;
    readonly description: string;
    /** Seconds since 1970. */
    readonly createdAt: number;
    readonly parent?: string;
    /** Set while it is created or deleted, or if that failed. */
    readonly state?: string;
  }[];
  /** The snapshot that the current state is based on. */
  readonly parent?: string;
}

/** Parses `pvesh get …/snapshot`, whose order is random and which has an entry for the current state. */
export function parseSnapshots(stdout: string): Snapshots {
  const entries = parse(z.array(snapshot), stdout);
  const current = entries.find(({ name }) => name === "current");
  return {
    snapshots: entries.filter((entry) => entry !== current).map((entry) => ({
      name: entry.name,
      description: (entry.description ?? "").trimEnd(),
      createdAt: entry.snaptime ?? 0,
      ...(entry.parent === undefined ? {} : { parent: entry.parent }),
      ...(entry.snapstate === undefined ? {} : { state: entry.snapstate }),
    })).sort((a, b) => a.createdAt - b.createdAt || (a.name < b.name ? -1 : 1)),
    ...(current?.parent === undefined ? {} : { parent: current.parent }),
  };
}

/** Parses `pvesh get /nodes/N/storage` into the names of the storages for backups. */
export const parseBackupStorages = (stdout: string): string[] =>
  parse(
    z.array(z.object({
      storage: z.string(),
      content: z.string().default(""),
      active: number.optional(),
    })),
    stdout,
  ).filter(({ content, active }) => content.split(",").includes("backup") && active !== 0)
    .map(({ storage }) => storage);

const volume = z.object({
  volid: z.string(),
  vmid: number.optional(),
  size: number,
  ctime: number.optional(),
  format: z.string().optional(),
  subtype: z.string().optional(),
  notes: z.string().optional(),
  protected: number.optional(),
});

/** One backup on a storage. */
export type BackupVolume = z.infer<typeof volume>;

/** Parses `pvesh get /nodes/N/storage/S/content`. */
export const parseVolumes = (stdout: string): BackupVolume[] => parse(z.array(volume), stdout);

function parse<T>(schema: z.ZodType<T>, stdout: string): T {
  // Warnings of a storage may precede the JSON, on separate lines.
  const text = stdout.split("\n").findLast((line) => /^[[{]/.test(line));
  const result = schema.safeParse(parseJson(text ?? ""));
  if (result.success) return result.data;
  throw unreadable("pvesh", z.prettifyError(result.error).slice(0, 300));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unreadable("pvesh", text.slice(0, 100));
  }
}
