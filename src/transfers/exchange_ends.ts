import { basename, posix } from "node:path";
import type { Endpoint } from "../ssh/port.ts";
import { choosePath, containersOff } from "./errors.ts";
import type { ExchangePath } from "./exchange_transfer.ts";

/** Makes the end inside a container; undefined when containers cannot be reached. */
export type ContainerEnd = (
  ctid: number,
  path: string,
) => Endpoint | undefined | Promise<Endpoint | undefined>;

/** A failure as Proxmox words it, such as a container that does not exist; others as they are. */
export type ContainerProblem = (
  ctid: number,
  error: unknown,
  signal: AbortSignal,
) => Promise<unknown>;

/** The one end that a call names. @throws RemoteExecError `invalid_argument`, `not_configured` */
export async function endOf(
  { localPath, remotePath, ctid }: ExchangePath,
  containerEnd: ContainerEnd,
): Promise<Endpoint> {
  if (localPath !== undefined && remotePath !== undefined) {
    throw choosePath("local_path and remote_path were both given");
  }
  if (localPath !== undefined) {
    if (ctid !== undefined) throw choosePath("ctid goes with remote_path, not with local_path");
    return { kind: "local", path: localPath };
  }
  if (remotePath === undefined) throw choosePath("Neither local_path nor remote_path was given");
  if (ctid === undefined) return { kind: "host", path: remotePath };
  const end = await containerEnd(ctid, remotePath);
  if (end === undefined) throw containersOff();
  return end;
}

/** The name of a file. Paths of this machine are read as its system does, all others as on Linux. */
export const filenameOf = ({ kind, path }: Endpoint): string =>
  kind === "local" ? basename(path) : posix.basename(path);
