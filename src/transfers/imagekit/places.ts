import { type ContainerAccess, explained } from "../../proxmox/container_access.ts";
import { type ErrorCode, RemoteExecError, traversal } from "../../errors.ts";
import type { Endpoint } from "../../ssh/port.ts";
import { containersOff } from "../errors.ts";
import { failedAt, fileExists } from "./errors.ts";

/** A file of the host, or with `ctid` of a container. */
export interface RemoteFile {
  readonly path: string;
  readonly ctid?: number | undefined;
}

/** What stands in messages as it is: it names its own subject, or has nothing to do with the step. */
const PLAIN: ReadonlySet<ErrorCode> = new Set([
  "cancelled",
  "changed",
  "internal",
  "not_configured",
  "too_large",
  "unsupported",
  "worker_died",
]);

/** What only the storage service says. */
const OF_IMAGEKIT: ReadonlySet<ErrorCode> = new Set([
  "authentication_failed",
  "quota",
  "rate_limited",
  "refused_by_service",
  "unreachable",
]);

/** Files of the host and of containers, and what went wrong with them in the words of this module. */
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

  /** A failure of looking at a file; undefined when the file is simply not there. */
  async notSeen(file: RemoteFile, error: unknown, signal: AbortSignal): Promise<unknown> {
    const known = await explained(this.#containers, file.ctid, error, signal);
    if (known !== error) return known;
    if (error instanceof RemoteExecError && error.code === "not_found") return undefined;
    return this.failed("Could not check file", error);
  }

  /** A failure of writing a file from ImageKit. */
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

  /** A failure of putting a file on ImageKit. */
  async notRead(file: RemoteFile, error: unknown, signal: AbortSignal): Promise<unknown> {
    const { ctid } = file;
    const known = await explained(this.#containers, ctid, error, signal);
    if (known !== error) return known;
    const step = ctid === undefined
      ? "Failed to download from remote"
      : `Failed to pull from container ${ctid}`;
    return this.failed(step, error, "Download preparation failed");
  }

  /** A failure under the words of its step; `atService` when it is ImageKit's. */
  failed(step: string, error: unknown, atService = step): unknown {
    if (!(error instanceof RemoteExecError) || PLAIN.has(error.code)) return error;
    if (OF_IMAGEKIT.has(error.code)) return failedAt(atService, error);
    return error.code === "invalid_state"
      ? failedAt(step, error, "Check if container exists and is running")
      : failedAt(step, error);
  }
}
