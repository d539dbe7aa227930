import { modeBits } from "../../mcp/arguments.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { bytesMoved, mapProgress } from "../../mcp/progress.ts";
import { inTime } from "../../rpc/in_time.ts";
import type { CopyProgress, Endpoint } from "../../ssh/port.ts";
import type { UploadState } from "./open_transfers.ts";
import type {
  DeliverOutcome,
  ObjectRef,
  StoredObject,
  StoreOutcome,
  TransfersPort,
} from "../port.ts";
import { type ContainerAccess, explained } from "../../proxmox/container_access.ts";
import { type ErrorCode, RemoteExecError, traversal } from "../../errors.ts";
import { containersOff } from "../errors.ts";
import { failedAt, fileExists } from "./errors.ts";

/** Limit of a call that only looks up or deletes, with all its retries. */
const CALL_MS = 180_000;

/** Whether the copy on ImageKit is gone. */
export interface Cleanup {
  readonly deleted: boolean;
  readonly purged: boolean;
}

/** Calls the worker, with limits, progress and error messages for each step. */
export class ImageKitMoves {
  readonly #port: TransfersPort;
  readonly #maxBytes: number;
  readonly #places: RemotePlaces;

  constructor(port: TransfersPort, maxBytes: number, places: RemotePlaces) {
    this.#port = port;
    this.#maxBytes = maxBytes;
    this.#places = places;
  }

  /** Looks for an object for up to `waitMs`. */
  async find(
    ref: ObjectRef,
    waitMs: number,
    { signal, progress }: ToolContext,
  ): Promise<StoredObject | undefined> {
    const message = "Looking for the file on ImageKit";
    const report = mapProgress(progress, ({ waitedMs }: { readonly waitedMs: number }) => ({
      progress: waitedMs / 1000,
      total: waitMs / 1000,
      message,
    }));
    return await inTime(signal, CALL_MS, this.#port.find("imagekit", ref, waitMs, signal, report));
  }

  /** Writes a stored object to its destination. */
  async deliver(
    { path, ctid, permissions, overwrite }: UploadState,
    to: Endpoint,
    { name, id: fileId }: StoredObject,
    { signal, progress }: ToolContext,
  ): Promise<DeliverOutcome> {
    const request = {
      ...{ bridge: "imagekit", ref: { name, id: fileId }, to, overwrite } as const,
      ...(permissions === undefined ? {} : { mode: modeBits(permissions) }),
      maxBytes: this.#maxBytes,
    };
    const report = bytesReport(progress, "Writing the file to its destination");
    try {
      return await inTime(signal, undefined, this.#port.deliver(request, signal, report));
    } catch (error) {
      throw await this.#places.notWritten({ path, ctid }, error, signal);
    }
  }

  /** Uploads a file to ImageKit. */
  async store(
    file: RemoteFile,
    from: Endpoint,
    name: string,
    { signal, progress }: ToolContext,
  ): Promise<StoreOutcome> {
    const maxBytes = this.#maxBytes;
    const request = { bridge: "imagekit", from, name, metadata: {}, maxBytes } as const;
    const report = bytesReport(progress, "Uploading the file to ImageKit");
    try {
      return await inTime(signal, undefined, this.#port.store(request, signal, report));
    } catch (error) {
      throw await this.#places.notRead(file, error, signal);
    }
  }

  /** Deletes an object. A cancellation of the call does not stop it, since the transfer is complete. */
  async remove({ name, id: fileId }: StoredObject): Promise<Cleanup> {
    const { signal } = new AbortController();
    const removing = this.#port.remove("imagekit", { name, id: fileId }, signal);
    const { purged = false } = await inTime(signal, CALL_MS, removing);
    return { deleted: true, purged };
  }
}

const bytesReport = (progress: ToolContext["progress"], message: string) =>
  mapProgress(progress, (step: CopyProgress) => ({ ...bytesMoved(step), message }));

/** A file on the host, or in a container if `ctid` is set. */
export interface RemoteFile {
  readonly path: string;
  readonly ctid?: number | undefined;
}

/** Errors that keep their message: they name their subject, or do not depend on the step. */
const PLAIN: ReadonlySet<ErrorCode> = new Set([
  "cancelled",
  "changed",
  "internal",
  "not_configured",
  "too_large",
  "unsupported",
  "worker_died",
]);

/** Errors that only the storage service causes. */
const OF_IMAGEKIT: ReadonlySet<ErrorCode> = new Set([
  "authentication_failed",
  "quota",
  "rate_limited",
  "refused_by_service",
  "unreachable",
]);

/** Resolves files on the host and in containers, and explains what went wrong with them. */
export class RemotePlaces {
  readonly #containers: ContainerAccess | undefined;

  /** @param containers undefined when Proxmox is off */
  constructor(containers: ContainerAccess | undefined) {
    this.#containers = containers;
  }

  /** @throws RemoteExecError for a path with `..`, and for a container when Proxmox is off */
  endpoint({ path, ctid }: RemoteFile): Endpoint {
    if (path.split("/").includes("..")) throw traversal();
    if (ctid === undefined) return { kind: "host", path };
    if (this.#containers === undefined) throw containersOff();
    return this.#containers.endpoint(ctid, path);
  }

  /** Returns the error of a failed look at a file; undefined when the file does not exist. */
  async notSeen(file: RemoteFile, error: unknown, signal: AbortSignal): Promise<unknown> {
    const known = await explained(this.#containers, file.ctid, error, signal);
    if (known !== error) return known;
    if (error instanceof RemoteExecError && error.code === "not_found") return undefined;
    return this.failed("Could not check file", error);
  }

  /** Returns the error of a failed write from ImageKit. */
  async notWritten(file: RemoteFile, error: unknown, signal: AbortSignal): Promise<unknown> {
    const { path, ctid } = file;
    if (error instanceof RemoteExecError && error.code === "already_exists") {
      return fileExists(path, ctid);
    }
    const known = await explained(this.#containers, ctid, error, signal);
    if (known !== error) return known;
    const step = ctid === undefined
      ? "Failed to upload to host"
      : `Failed to push to container ${ctid}`;
    return this.failed(step, error, "Upload failed");
  }

  /** Returns the error of a failed upload to ImageKit. */
  async notRead(file: RemoteFile, error: unknown, signal: AbortSignal): Promise<unknown> {
    const { ctid } = file;
    const known = await explained(this.#containers, ctid, error, signal);
    if (known !== error) return known;
    const step = ctid === undefined
      ? "Failed to download from remote"
      : `Failed to pull from container ${ctid}`;
    return this.failed(step, error, "Download preparation failed");
  }

  /** Adds the name of the step to an error; `atService` when ImageKit is the cause. */
  failed(step: string, error: unknown, atService = step): unknown {
    if (!(error instanceof RemoteExecError) || PLAIN.has(error.code)) return error;
    if (OF_IMAGEKIT.has(error.code)) return failedAt(atService, error);
    return error.code === "invalid_state"
      ? failedAt(step, error, "Check if container exists and is running")
      : failedAt(step, error);
  }
}
