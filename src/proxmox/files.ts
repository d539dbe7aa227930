import { RemoteExecError, traversal } from "../errors.ts";
import type { ToolContext } from "../mcp/tool.ts";
import type { CopyOutcome, Endpoint } from "../ssh/port.ts";
import type { SshService } from "../ssh/service.ts";
import { containerFileExists, containerFileMissing, notRunning } from "./errors.ts";
import { container } from "./guest.ts";
import { hostLine } from "./host.ts";
import type { Lifecycle } from "./lifecycle.ts";

/**
 * A file in a container, for transfers of every kind: content goes through `pct exec`, whose stdin and
 * stdout are the caller's own bytes. Unlike `pct push` and `pct pull` that fails when it fails, needs no
 * second copy on the host and does not hold the container's lock. Relative paths start at `/`.
 */
export const containerEndpoint = (ctid: number, path: string): Endpoint => ({
  kind: "shell",
  prefix: hostLine(["pct", "exec", String(ctid), "--"]),
  path,
  label: `container ${ctid}`,
});

/** One file to move, and what may become of what is there. */
export interface ContainerTransfer extends ToolContext {
  readonly ctid: number;
  readonly localPath: string;
  readonly containerPath: string;
  readonly overwrite: boolean;
}

/** Moves files between this machine and containers. */
export class ContainerFiles {
  readonly #ssh: SshService;
  readonly #lifecycle: Lifecycle;

  constructor(ssh: SshService, lifecycle: Lifecycle) {
    this.#ssh = ssh;
    this.#lifecycle = lifecycle;
  }

  /** @param mode permission bits; by default those of the replaced file, or 0644 */
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
   * The error to show for a failed transfer with {@linkcode containerEndpoint}: when the container could
   * not be entered it says why, every other error is given back as it is.
   */
  async containerProblem(ctid: number, error: unknown, signal: AbortSignal): Promise<unknown> {
    if (!hasCode(error, "invalid_state") || signal.aborted) return error;
    try {
      const status = await this.#lifecycle.status(container(ctid), { signal, progress: undefined });
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
