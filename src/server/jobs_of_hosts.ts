import * as z from "zod";
import { pooledMap } from "../async/pooled_map.ts";
import { deadline } from "../async/deadline.ts";
import { errorText, RemoteExecError } from "../errors.ts";
import type { ToolAnswer, ToolContext } from "../mcp/tool.ts";
import { formatList, listOutput } from "../ssh/jobs/answers.ts";

/** Hosts that are asked in one call. */
const MAX_HOSTS = 50;
/** A host that does not answer within this time is named; the others are listed. */
const HOST_MS = 15_000;
const WIDTH = 8;

/** What ssh_list_jobs returns for several hosts: each job has its host. */
export const jobsOfHostsOutput = listOutput.extend({
  failed: z.array(z.object({ host: z.string(), code: z.string(), error: z.string() }))
    .describe("Hosts that were not asked or did not answer").meta({ sketched: true }).optional(),
});

type Listed = z.infer<typeof listOutput>;
type Failed = NonNullable<z.infer<typeof jobsOfHostsOutput>["failed"]>;
type Row = Listed["jobs"][number] & { readonly host: string };

/** What to list, and how one host is asked. */
export interface JobsOfHosts {
  /** Names of the hosts. */
  readonly hosts: readonly string[];
  /** The jobs as JSON have at most so many characters. */
  readonly maxCharacters: number;
  /** Workers that may run at a time. */
  readonly maxWorkers: number;
  list(host: string, context: ToolContext): Promise<ToolAnswer<unknown>>;
}

/** Lists the jobs of several hosts, each host's oldest first. @throws RemoteExecError if there are too many hosts */
export async function jobsOfHosts(
  { hosts, maxCharacters, maxWorkers, list }: JobsOfHosts,
  context: ToolContext,
): Promise<ToolAnswer<unknown>> {
  if (hosts.length > MAX_HOSTS) throw tooManyHosts(hosts.length);
  const failed: Failed = [];
  const rows: Row[] = [];
  let omitted = 0;
  await pooledMap(hosts, Math.min(WIDTH, maxWorkers), async (host) => {
    try {
      const asked = (signal: AbortSignal) => list(host, { signal, progress: undefined });
      const { data } = await deadline(asked, HOST_MS, { signal: context.signal, late: tooSlow });
      const listed = listOutput.parse(data);
      omitted += listed.omitted ?? 0;
      rows.push(...listed.jobs.map((job) => ({ host, ...job })));
    } catch (error) {
      const code = error instanceof RemoteExecError ? error.code : "internal";
      failed.push({ host, code, error: errorText(error) });
    }
  });
  const known = onlyOnce(rows);
  const jobs = fitting(known, maxCharacters);
  omitted += known.length - jobs.length;
  const data = {
    jobs: jobs.toSorted((a, b) => hosts.indexOf(a.host) - hosts.indexOf(b.host)),
    ...(omitted === 0 ? {} : { omitted }),
    ...(failed.length === 0 ? {} : { failed }),
  };
  return { text: formatJobs(data), data };
}

/** Work of this server is listed with every host. */
const onlyOnce = (rows: readonly Row[]): Row[] => {
  const seen = new Set<string>();
  return rows.filter(({ job_id }) => {
    if (!job_id.startsWith("srv-")) return true;
    return !seen.has(job_id) && seen.add(job_id) !== undefined;
  });
};

/** All that run, and the newest others that fit. */
function fitting(rows: readonly Row[], maxCharacters: number): Row[] {
  const rank = ({ state }: Row) => state === "running" ? 0 : 1;
  let left = maxCharacters;
  return rows.toSorted((a, b) => rank(a) - rank(b) || b.started_at.localeCompare(a.started_at))
    .filter((row) => (left -= JSON.stringify(row).length) >= 0)
    .toReversed();
}

function formatJobs(
  { jobs, omitted, failed = [] }: {
    readonly jobs: readonly Row[];
    readonly omitted?: number;
    readonly failed?: Failed;
  },
): string {
  const hosts = [...new Set(jobs.map(({ host }) => host))];
  const parts = hosts.map((name) =>
    `${name}:\n${formatList({ jobs: jobs.filter(({ host }) => host === name) })}`
  );
  return [
    ...(parts.length === 0 ? ["No jobs"] : parts),
    ...(omitted === undefined ? [] : [`Older jobs that have ended: ${omitted} omitted`]),
    ...failed.map(({ host, code, error }) => `FAILED ${host}: ${error} (${code})`),
  ].join("\n");
}

const tooSlow = () =>
  new RemoteExecError(
    "timeout",
    `No answer within ${HOST_MS / 1000} seconds`,
    "List the jobs of this host alone",
  );

const tooManyHosts = (count: number) =>
  new RemoteExecError(
    "invalid_argument",
    `${count} hosts are too many to list the jobs of all (max ${MAX_HOSTS})`,
    "Name the host",
  );
