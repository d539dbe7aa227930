import { type ErrorCode, oneLine, RemoteExecError } from "../../../errors.ts";

/** No job has this id. */
export const jobNotFound = (id: string) =>
  new RemoteExecError(
    "not_found",
    `Job ${id} does not exist on the host`,
    "Call ssh_list_jobs for the jobs that exist",
  );

/** The login runs a command of the host's choice. */
export const jobsForbidden = () =>
  new RemoteExecError(
    "unsupported",
    "The host allows no jobs: its login runs one fixed command",
    "Use ssh_exec_command, or a login without a forced command",
  );

/** It could not be found out whether the login runs a command of the host's choice. */
export const loginUnknown = () =>
  new RemoteExecError(
    "unsupported",
    "Whether the host runs commands as requested is not known yet, so nothing was started",
    "Run one command with ssh_exec_command, then try again",
  );

/** The pattern is no basic regular expression. */
export const patternRefused = (pattern: string) =>
  new RemoteExecError(
    "invalid_argument",
    `The host's grep refuses the pattern ${JSON.stringify(pattern)}`,
    "Write a POSIX basic regular expression",
  );

/** The host did not answer in time. */
export const tooLate = (limitMs: number) =>
  new RemoteExecError(
    "timeout",
    `The host did not answer a call about jobs within ${limitMs / 1000} seconds`,
    "Call ssh_list_jobs to see what happened, then try again",
  );

/** The host did not start a job: nothing has run. */
export class JobNotStarted extends RemoteExecError {}

/** Converts the script's word for a failed start. */
export function startFailed(said: string): JobNotStarted {
  if (said.startsWith("place")) {
    return new JobNotStarted(
      "not_permitted",
      "The job was not started: the host has no directory for jobs that only this login can use",
      "Make ~/.local/state/mcp-remote-exec writable for this login alone, or free its place in /tmp",
    );
  }
  if (said.startsWith("session")) {
    return new JobNotStarted(
      "unsupported",
      "The job was not started: the host has none of setsid, perl and python3",
      "Install setsid (util-linux or busybox) on the host",
    );
  }
  const reason = oneLine(said.replace(/^make ?/, ""));
  if (/no space|quota/i.test(reason)) {
    return new JobNotStarted(
      "disk_full",
      `The job was not started: the host's disk is full (${reason})`,
      "Free disk space in the login's home directory on the host",
    );
  }
  return new JobNotStarted(
    "io_error",
    `The job was not started: its directory could not be made (${reason})`,
    "Check the login's home directory on the host",
  );
}

/**
 * Adds to the failure of a start which job it was, if that may run.
 *
 * @param isOpen the host has confirmed the request, so a failure that is not one of the connection also leaves
 *   this open
 */
export function startUnsure(error: unknown, id: string, isOpen: boolean): unknown {
  if (!(error instanceof RemoteExecError) || error instanceof JobNotStarted) return error;
  const text = isOpen || error.code === "connection_lost" ? UNSURE[error.code] : undefined;
  return text === undefined ? error : new RemoteExecError(
    error.code,
    `${text} the start of job ${id}, which may run`,
    `Read it with ssh_job_output (job_id ${id}) before you start it again`,
  );
}

const UNSURE: { readonly [code in ErrorCode]?: string } = {
  connection_lost: "The SSH connection was lost during",
  timeout: "The host did not confirm in time",
  io_error: "The host sent an unexpected answer to",
};
