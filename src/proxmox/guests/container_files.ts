import { RemoteExecError, traversal } from "../../errors.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import type { CopyOutcome, Endpoint } from "../../ssh/port.ts";
import type { SshService } from "../../ssh/service.ts";
import { containerFileExists, containerFileMissing, notRunning } from "../errors.ts";
import { container } from "./guest.ts";
import { hostLine } from "../host.ts";
import type { Guests } from "./guests.ts";

/**
 * Returns the endpoint of a file in a container, for every kind of transfer. Relative paths start at `/`.
 * The content passes through stdin and stdout of `pct exec`. Unlike `pct push` and `pct pull`, this
 * reports failures, needs no second copy on the host and does not hold the container's lock.
 */
export const containerEndpoint = (
  ctid: number,
  path: string,
): Extract<Endpoint, { readonly kind: "shell" }> => ({
  kind: "shell",
  prefix: hostLine(["pct", "exec", String(ctid), "--"]),
  path,
  label: `container ${ctid}`,
});

/** One file to copy, and whether it may replace an existing one. */
export interface ContainerTransfer extends ToolContext {
  readonly ctid: number;
  readonly localPath: string;
  readonly containerPath: string;
  readonly overwrite: boolean;
}

/** Copies files between this machine and containers. */
export class ContainerFiles {
  readonly #ssh: SshService;
  readonly #guests: Guests;

  constructor(ssh: SshService, guests: Guests) {
    this.#ssh = ssh;
    this.#guests = guests;
  }

  /**
   * Copies a local file into a container.
   *
   * @param mode permission bits; by default those of the replaced file, or 0644
   * @throws RemoteExecError `already_exists` unless `overwrite` is set
   */
  async upload(
    { ctid, localPath, containerPath, ...call }: ContainerTransfer,
    mode: number | undefined,
  ): Promise<CopyOutcome> {
    refuseTraversal(containerPath);
    const copying = this.#ssh.copy({
      from: { kind: "local", path: localPath },
      to: containerEndpoint(ctid, containerPath),
      ...(mode === undefined ? {} : { mode }),
      ...call,
    });
    return await copying.catch(async (error) => {
      if (hasCode(error, "already_exists")) throw containerFileExists(containerPath);
      throw await this.containerProblem(ctid, error, call.signal);
    });
  }

  /** Copies a file of a container to this machine. @throws RemoteExecError `not_found` and others */
  async download(
    { ctid, localPath, containerPath, ...call }: ContainerTransfer,
  ): Promise<CopyOutcome> {
    refuseTraversal(containerPath);
    const copying = this.#ssh.copy({
      from: containerEndpoint(ctid, containerPath),
      to: { kind: "local", path: localPath },
      ...call,
    });
    return await copying.catch(async (error) => {
      if (hasCode(error, "not_found")) throw containerFileMissing(containerPath, ctid);
      throw await this.containerProblem(ctid, error, call.signal);
    });
  }

  /**
   * Returns the error to report for a failed transfer with {@linkcode containerEndpoint}: the reason why
   * the container cannot be entered, or the given error unchanged.
   */
  async containerProblem(ctid: number, error: unknown, signal: AbortSignal): Promise<unknown> {
    if (!hasCode(error, "invalid_state") || signal.aborted) return error;
    try {
      const status = await this.#guests.status(container(ctid), { signal, progress: undefined });
      return status === "running" ? error : notRunning(container(ctid));
    } catch (reason) {
      return reason;
    }
  }
}

function refuseTraversal(path: string): void {
  if (path.split("/").includes("..")) throw traversal();
}

const hasCode = (error: unknown, code: RemoteExecError["code"]): boolean =>
  error instanceof RemoteExecError && error.code === code;
