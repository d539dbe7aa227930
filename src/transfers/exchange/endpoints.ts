import { basename, posix } from "node:path";
import type { ContainerAccess } from "../../proxmox/container_access.ts";
import type { Endpoint } from "../../ssh/port.ts";
import { choosePath, containersOff } from "../errors.ts";
import type { ExchangePath } from "./transfer.ts";

/** The one end that a call names. @throws RemoteExecError `invalid_argument`, `not_configured` */
export function endOf(
  { localPath, remotePath, ctid }: ExchangePath,
  containers: ContainerAccess | undefined,
): Endpoint {
  if (localPath !== undefined && remotePath !== undefined) {
    throw choosePath("local_path and remote_path were both given");
  }
  if (localPath !== undefined) {
    if (ctid !== undefined) throw choosePath("ctid goes with remote_path, not with local_path");
    return { kind: "local", path: localPath };
  }
  if (remotePath === undefined) throw choosePath("Neither local_path nor remote_path was given");
  if (ctid === undefined) return { kind: "host", path: remotePath };
  if (containers === undefined) throw containersOff();
  return containers.endpoint(ctid, remotePath);
}

/** The name of a file. Paths of this machine are read as its system does, all others as on Linux. */
export const filenameOf = ({ kind, path }: Endpoint): string =>
  kind === "local" ? basename(path) : posix.basename(path);
