import { type ExchangeName, parseObjectName, RETENTION_MS } from "./transfer_names.ts";
import type { StoredObject, UploadTicket } from "../port.ts";
import { basename, posix } from "node:path";
import type { ContainerAccess } from "../../proxmox/container_access.ts";
import type { Endpoint } from "../../ssh/port.ts";
import { choosePath, containersOff } from "../errors.ts";

/** The file of a transfer, as the caller named it: on this machine, on the host or in a container. */
export interface ExchangePath {
  readonly localPath: string | undefined;
  readonly remotePath: string | undefined;
  readonly ctid: number | undefined;
}

/** Identifies a transfer: by its id and client, or by a presigned URL. */
export interface ExchangeSource {
  readonly transferId: string | undefined;
  readonly sourceClient: string | undefined;
  readonly downloadUrl: string | undefined;
}

/** A transfer with a download URL. */
export interface Shared extends ExchangeName {
  readonly key: string;
  readonly downloadUrl: string;
  readonly expiresAtMs: number;
  readonly size: number;
  /** Lower-case hex of the content, if it is known. */
  readonly sha256: string | undefined;
}

/** A file that was uploaded. */
export interface ExchangeUpload extends Shared {
  readonly sha256: string;
  readonly destClient: string | undefined;
}

/** An upload by somebody else. */
export interface RequestedUpload extends ExchangeName {
  readonly key: string;
  readonly ticket: UploadTicket;
}

/** A transfer as the list shows it. */
export interface ListedTransfer extends ExchangeName {
  readonly key: string;
  readonly object: StoredObject;
  /** When a download by id is refused; the file itself is stored for 48 hours. */
  readonly expiresAtMs: number;
  readonly expired: boolean;
}

/** Formats a time for answers and metadata: ISO, UTC, in seconds. */
export const formatTime = (ms: number): string =>
  new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");

/**
 * Returns when a transfer expires by its own metadata. The time starts at the end of the upload, so a
 * long upload does not shorten it. An object without an expiry is kept as long as any file.
 */
export function expiryOf({ storedAtMs, metadata }: StoredObject): number {
  const uploadedAtMs = Date.parse(metadata.uploaded_at ?? "");
  const expiresAtMs = Date.parse(metadata.expires_at ?? "");
  if (Number.isNaN(expiresAtMs)) return storedAtMs + RETENTION_MS;
  const lifeMs = Number.isNaN(uploadedAtMs) ? 0 : expiresAtMs - uploadedAtMs;
  return Math.max(expiresAtMs, storedAtMs + lifeMs);
}

/** Returns the parts of a name that this program made or checked. An older id may have another form. */
export function nameOf(name: string): ExchangeName {
  const [sourceClient = "", transferId = ""] = name.split("/");
  return parseObjectName(name) ?? { sourceClient, transferId, filename: transferId };
}

/** Returns the endpoint of the one path that was passed. @throws RemoteExecError `invalid_argument`, `not_configured` */
export function endOf(
  { localPath, remotePath, ctid }: ExchangePath,
  containers: ContainerAccess | undefined,
): Endpoint {
  if (localPath !== undefined && remotePath !== undefined) {
    throw choosePath("Both local_path and remote_path were passed");
  }
  if (localPath !== undefined) {
    if (ctid !== undefined) throw choosePath("ctid works only with remote_path");
    return { kind: "local", path: localPath };
  }
  if (remotePath === undefined) throw choosePath("Neither local_path nor remote_path was passed");
  if (ctid === undefined) return { kind: "host", path: remotePath };
  if (containers === undefined) throw containersOff();
  return containers.endpoint(ctid, remotePath);
}

/** Returns the file name. A local path follows the rules of this system, any other those of Linux. */
export const filenameOf = ({ kind, path }: Endpoint): string =>
  kind === "local" ? basename(path) : posix.basename(path);
