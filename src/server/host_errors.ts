import type { NamedHost } from "../config/config.ts";
import { oneLine, RemoteExecError } from "../errors.ts";

/** Returns the error for a call that waited for a worker until its time limit. */
export const allBusy = (max: number) =>
  new RemoteExecError(
    "limit_reached",
    `The workers of ${max} hosts are in use, by calls, transfers or links, and no more may run`,
    "Wait for the running calls, or raise MAX_HOST_WORKERS",
  );

/** Returns the error for every call to a host that its configuration makes unusable. */
export const unusable = ({ name, fault }: NamedHost): RemoteExecError =>
  new RemoteExecError(
    "host_unusable",
    oneLine(fault?.message ?? `${name} is not configured`),
    oneLine(fault?.remedy ?? "Correct the configuration of the host"),
  );
