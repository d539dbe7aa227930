import type { DirectoriesConfig } from "../../config/config.ts";
import { mapProgress } from "../../mcp/progress.ts";
import type { Progress, ToolContext } from "../../mcp/tool.ts";
import { inTime } from "../../rpc/in_time.ts";
import type { Endpoint } from "../endpoint.ts";
import { nothingArrived } from "./errors.ts";
import type {
  DirectoryOutcome,
  DirectoryProgress,
  DirectoryRequest,
  SshDirectoriesPort,
} from "./port.ts";

/** Containers of the host, if it has them. */
export interface Containers {
  endpoint(ctid: number, path: string): Endpoint;
  /** Returns the reason of a failure if it is the container; otherwise the error unchanged. */
  problem(ctid: number, error: unknown, signal: AbortSignal): Promise<unknown>;
}

/** A request of a tool to copy a directory. */
export interface DirectoryCall
  extends Omit<DirectoryRequest, "remote" | "maxEntries" | "maxBytes">, ToolContext {
  readonly remotePath: string;
  /** The container that the remote directory is in; the host if left out. */
  readonly ctid?: number | undefined;
  /** As root of the host. */
  readonly sudo?: boolean;
}

/** Copies directories between this machine and the host or its containers. */
export class DirectoryService {
  readonly #port: SshDirectoriesPort;
  readonly #limits: DirectoriesConfig;
  readonly #containers: Containers | undefined;
  /** Whether the tools have the argument `sudo`. */
  readonly hasSudo: boolean;

  constructor(
    port: SshDirectoriesPort,
    limits: DirectoriesConfig,
    containers: Containers | undefined,
    hasSudo = false,
  ) {
    this.hasSudo = hasSudo;
    this.#port = port;
    this.#limits = limits;
    this.#containers = containers;
  }

  get hasContainers(): boolean {
    return this.#containers !== undefined;
  }

  /** Copies a directory. @throws RemoteExecError; files that arrived before stay */
  async copy(
    { remotePath, ctid, sudo, signal, progress, ...call }: DirectoryCall,
  ): Promise<DirectoryOutcome> {
    const remote = this.#remote(remotePath, ctid, sudo);
    const request = { ...call, ...this.#limits, remote };
    const report = mapProgress(progress, formatProgress);
    const copying = inTime(signal, undefined, this.#port.copyDirectory(request, signal, report));
    return await copying.catch(async (error) => {
      if (ctid === undefined || this.#containers === undefined) throw error;
      throw await this.#containers.problem(ctid, error, signal);
    });
  }

  #remote(path: string, ctid: number | undefined, sudo = false): DirectoryRequest["remote"] {
    const inContainer = ctid === undefined ? undefined : this.#containers?.endpoint(ctid, path);
    return inContainer?.kind === "shell"
      ? inContainer
      : { kind: "host", path, ...(sudo ? { sudo } : {}) };
  }
}

/** Returns the error of an outcome: nothing arrived although something should have. */
export const outcomeError = ({ sent, unchanged, failed, failedCount }: DirectoryOutcome) =>
  failedCount > 0 && sent + unchanged === 0
    ? nothingArrived(failedCount, failed[0]?.reason ?? "")
    : undefined;

const formatProgress = (
  { files, totalFiles, bytes, totalBytes }: DirectoryProgress,
): Progress => ({
  progress: bytes,
  total: totalBytes,
  message: `${files} of ${totalFiles} files, ${bytes} of ${totalBytes} bytes`,
});
