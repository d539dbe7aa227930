import type { JobRequest } from "../../jobs/port.ts";
import type { JobSettings } from "../../port.ts";
import type { RootJob } from "../sudo/sudo.ts";
import { formatMeta } from "./records.ts";
import { startLine } from "./start_script.ts";

/** A line that the start mark ends with; see `StartMark`. */
const START_MARK = "\x1estarted";

/** Used if the server's configuration is not known. Source: the defaults of JOB_MAX_OUTPUT and JOB_KEEP_HOURS. */
export const DEFAULT_SETTINGS: JobSettings = {
  maxOutputBytes: 1_000_000_000,
  keepMs: 72 * 3_600_000,
  sweeps: true,
};

/** Bytes of the first and of the last output that an answer to the start of a job has, each. */
const MAX_FIRST_BYTES = 100_000;

/** Returns a new random id of a job. */
export const newJobId = (): string => crypto.getRandomValues(new Uint8Array(16)).toHex();

/** Reports whether a text has the form of a job's id. */
export const isJobId = (id: string): boolean => /^[0-9a-f]{32}$/.test(id);

/** Returns the command line that starts a job. */
export function jobLine(
  id: string,
  request: JobRequest,
  { maxOutputBytes }: JobSettings,
  attended?: { readonly headBytes: number; readonly tailBytes: number },
  root?: RootJob,
): string {
  const { shown, name, ctid, vmid, maxRuntimeMs, graceMs } = request;
  return startLine({
    id,
    meta: formatMeta({
      ...(graceMs === undefined ? {} : { graceMs }),
      command: shown,
      maxRuntimeMs,
      ...(name === undefined ? {} : { name }),
      ...(ctid === undefined ? {} : { ctid }),
      ...(vmid === undefined ? {} : { vmid }),
    }),
    maxOutputBytes,
    maxRuntimeSeconds: Math.ceil(maxRuntimeMs / 1000),
    isAttended: attended !== undefined,
    stdoutMark: request.hasStartMark ? START_MARK : root?.mark ?? "",
    stderrMark: request.stderrMark?.replace(/\n$/, "") ?? root?.mark ?? "",
    command: root?.command ?? request.command,
    graceMs,
    root: root === undefined ? "" : root.input === undefined ? "free" : "asks",
    ...(attended ?? { headBytes: MAX_FIRST_BYTES, tailBytes: MAX_FIRST_BYTES }),
  });
}
