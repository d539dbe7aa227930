import { type ExchangeName, parseObjectName, RETENTION_MS } from "./names.ts";
import type { StoredObject, UploadTicket } from "../port.ts";

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
