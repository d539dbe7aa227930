import { type ExchangeName, parseObjectName, RETENTION_MS } from "./transfer_names.ts";
import type { StoredObject, UploadTicket } from "../port.ts";
import { basename, posix } from "node:path";
import type { ContainerAccess } from "../../proxmox/container_access.ts";
import type { Endpoint } from "../../ssh/port.ts";
import { choosePath, containersOff } from "../errors.ts";

/** The file of a transfer, as a person names it: on this machine, on the host or in a container. */
export interface ExchangePath {
  readonly localPath: string | undefined;
  readonly remotePath: string | undefined;
  readonly ctid: number | undefined;
}

/** Names a transfer: by its parts, or by a presigned address of it. */
export interface ExchangeSource {
  readonly transferId: string | undefined;
  readonly sourceClient: string | undefined;
  readonly downloadUrl: string | undefined;
}

/** A transfer that can be downloaded. */
export interface Shared extends ExchangeName {
  readonly key: string;
  readonly downloadUrl: string;
  readonly expiresAtMs: number;
  readonly size: number;
  /** Lower-case hex of the content, when it is known. */
  readonly sha256: string | undefined;
}

/** A file that was put on the exchange. */
export interface ExchangeUpload extends Shared {
  readonly sha256: string;
  readonly destClient: string | undefined;
}

/** An upload that somebody else may make. */
export interface RequestedUpload extends ExchangeName {
  readonly key: string;
  readonly ticket: UploadTicket;
}

/** A transfer as the list shows it. */
export interface ListedTransfer extends ExchangeName {
  readonly key: string;
  readonly object: StoredObject;
  /** When it ends for those who ask by its id; the file itself stays for 48 hours. */
  readonly expiresAtMs: number;
  readonly expired: boolean;
}

/** Time as answers and metadata show it: ISO, UTC, whole seconds. */
export const formatTime = (ms: number): string =>
  new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");

/**
 * When a transfer ends by its own account. A long upload does not use up the time: it counts from the
 * end of the upload. An object without such an account stays as long as the exchange keeps files.
 */
export function expiryOf({ storedAtMs, metadata }: StoredObject): number {
  const uploadedAtMs = Date.parse(metadata.uploaded_at ?? "");
  const expiresAtMs = Date.parse(metadata.expires_at ?? "");
  if (Number.isNaN(expiresAtMs)) return storedAtMs + RETENTION_MS;
  const lifeMs = Number.isNaN(uploadedAtMs) ? 0 : expiresAtMs - uploadedAtMs;
  return Math.max(expiresAtMs, storedAtMs + lifeMs);
}

/** The parts of a name that the service made or checked itself; an older id may lack the usual shape. */
export function nameOf(name: string): ExchangeName {
  const [sourceClient = "", transferId = ""] = name.split("/");
  return parseObjectName(name) ?? { sourceClient, transferId, filename: transferId };
}

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
