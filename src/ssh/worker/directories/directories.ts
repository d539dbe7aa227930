import { posix } from "node:path";
import { abortable } from "../../../async/abortable.ts";
import { cancelling } from "../../../async/cancelling.ts";
import { RemoteExecError } from "../../../errors.ts";
import { type StallLimit, stallLimit } from "../../../async/stall_limit.ts";
import type { Turns } from "../../../async/turns.ts";
import { PathGuard } from "../../../local/path_guard.ts";
import type { PathBounds } from "../../../local/paths.ts";
import type {
  DirectoryOutcome,
  DirectoryProgress,
  DirectoryRequest,
} from "../../directories/port.ts";
import type { StartedCommand } from "../commands/started_command.ts";
import { stalled } from "../files/copy.ts";
import { type HostAccess, hostPath } from "../files/host_files.ts";
import type { Source } from "../files/source_sink.ts";
import type { Endpoint } from "../../endpoint.ts";
import type { CopyOutcome, CopyRequest } from "../../port.ts";
import { localPathErrors } from "../files/local/local_errors.ts";
import { checkRemotePath } from "../files/remote_file_errors.ts";
import { temporaryName } from "../files/temporary_files.ts";
import type { Start } from "../files/shell/shell_files.ts";
import { Copying } from "./copying.ts";
import { LocalSide } from "./local/local_side.ts";
import type { RemoteSide } from "./remote_side.ts";
import { type SftpContext, SftpRemote } from "./sftp_remote.ts";
import { ShellRemote } from "./shell/shell_remote.ts";
import { Tally } from "./tally.ts";

/** What {@linkcode Directories} needs from the connection to the host. */
export interface DirectoryContext {
  readonly bounds: PathBounds;
  readonly stallMs: number;
  /** Limits how many copies run at a time. */
  readonly turns: Turns;
  /** Returns what starts commands in a container, or on the host as root. */
  startAt(endpoint: Endpoint, signal: AbortSignal): Start;
  /** Returns where an endpoint is: with sudo, a relative path starts at the login's directory, not at root's. */
  reached(endpoint: Endpoint, signal: AbortSignal): Promise<Endpoint>;
  /** Starts another one, unless the login is forced. */
  startOwn(command: string, signal: AbortSignal): Promise<StartedCommand>;
  /** For hosts without a shell, or without tar. */
  access(signal: AbortSignal): Promise<HostAccess>;
  readonly files: HostFiles;
}

/** Single files on the host. */
interface HostFiles {
  openSource(from: Endpoint, maxBytes: number, signal: AbortSignal): Promise<Source>;
  write(
    source: Source,
    request: Omit<CopyRequest, "from">,
    signal: AbortSignal,
    progress: undefined,
  ): Promise<CopyOutcome>;
}

/** Copies directories between this machine and the host. */
export class Directories {
  readonly #context: DirectoryContext;

  constructor(context: DirectoryContext) {
    this.#context = context;
  }

  /**
   * Makes a directory equal to its source. Every file is verified by its sha256 before it gets its name.
   *
   * @throws RemoteExecError if the copy cannot begin, was aborted, or lost its connection; what was
   * finished before stays
   */
  async copy(
    request: DirectoryRequest,
    signal: AbortSignal,
    progress: ((step: DirectoryProgress) => void) | undefined,
  ): Promise<DirectoryOutcome> {
    const copying = () => this.#copy(request, signal, progress);
    return await this.#context.turns.run(copying, cancelling(signal));
  }

  async #copy(
    request: DirectoryRequest,
    signal: AbortSignal,
    progress: ((step: DirectoryProgress) => void) | undefined,
  ): Promise<DirectoryOutcome> {
    const { bounds, stallMs } = this.#context;
    using stall = stallLimit(stallMs, { signal: cancelling(signal), late: stalled });
    const guard = await PathGuard.create(bounds, localPathErrors);
    const local = new LocalSide(guard, request, stall.signal);
    const opening = this.#open(request, local, stall);
    const remote = await abortable(opening, stall.signal, (late) => late.close());
    const tally = new Tally(progress, stall.moved);
    try {
      const copying = new Copying(request, guard, local, remote, tally, stall, stallMs);
      await abortable(copying.run(), stall.signal);
    } catch (error) {
      await remote.close();
      throw error;
    }
    // Nothing is left to wait for, and the host would need another round trip.
    remote.close().catch(() => {});
    return tally.outcome();
  }

  /** Uses a script where it can run, SFTP otherwise. */
  async #open(
    request: DirectoryRequest,
    local: LocalSide,
    stall: StallLimit,
  ): Promise<RemoteSide> {
    const { remote } = request;
    checkRemotePath(remote.path);
    const sends = await wantsAll(request, local);
    const { signal, moved: onMove } = stall;
    if (remote.kind === "shell") {
      const { prefix, label } = remote;
      const path = posix.resolve("/", remote.path);
      const start = this.#context.startAt(remote, signal);
      const stage = stageName(path);
      return await ShellRemote.open({ prefix, path, label, stage, sends, start, onMove });
    }
    const { sudo } = remote;
    const path = hostPath((await this.#context.reached(remote, signal)).path);
    const start = sudo
      ? this.#context.startAt(remote, signal)
      : (command: string) => this.#context.startOwn(command, signal);
    const stage = stageName(path);
    const place = { prefix: "", path, label: "the host", stage, sends, start, onMove };
    return await ShellRemote.open(place).catch(async (error) => {
      // SFTP cannot become root.
      if (sudo || !(error instanceof RemoteExecError && error.code === "unsupported")) throw error;
      return await SftpRemote.open(this.#sftp(signal), path, onMove);
    });
  }

  #sftp(signal: AbortSignal): SftpContext {
    const { access, files } = this.#context;
    return {
      access: () => access(signal),
      read: (from) => files.openSource(from, Number.MAX_SAFE_INTEGER, signal),
      write: (source, request) => files.write(source, request, signal, undefined),
    };
  }
}

/** Reports whether every file of the host will be requested, so that it may send them at once. */
const wantsAll = async (
  { direction, exclude, dryRun }: DirectoryRequest,
  local: LocalSide,
): Promise<boolean> =>
  direction === "download" && !dryRun && exclude.length === 0 && await local.isEmpty();

const stageName = (path: string): string =>
  temporaryName(posix.basename(path).replace(/^\.*$/, "") || "directory");
