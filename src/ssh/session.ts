import { RemoteExecError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { copy } from "./copy.ts";
import { diagnose } from "./diagnose.ts";
import { Dialer } from "./dial.ts";
import { runCommand } from "./exec.ts";
import type { Sink, Source } from "./file_end.ts";
import { hostFacts, type HostHelp, openHostSink, openHostSource } from "./host_files.ts";
import { LocalFiles } from "./local_files.ts";
import { ConnectionPool, type Patience } from "./pool.ts";
import type {
  Check,
  CopyOutcome,
  CopyProgress,
  CopyRequest,
  Endpoint,
  ExecOutcome,
  ExecProgress,
  ExecRequest,
  FileFacts,
  SshSettings,
} from "./port.ts";
import { hashCommand, parseHash } from "./remote_hash.ts";
import { Sftp } from "./sftp.ts";

/** A hash of the largest file on a slow disk; beyond it the copy counts as proven by its size only. */
const HASH_LIMIT_MS = 600_000;
/** A transfer that moves nothing for this long, or for the configured time limit, is given up. */
const LEAST_STALL_MS = 30_000;

/** Everything the ssh worker can do with its host, once it is configured. */
export class HostSession {
  readonly #settings: SshSettings;
  readonly #pool: ConnectionPool;
  readonly #dialer: Dialer;
  readonly #local: LocalFiles;

  constructor(settings: SshSettings, logger: Logger) {
    this.#settings = settings;
    this.#dialer = new Dialer(settings.ssh, logger);
    this.#pool = new ConnectionPool(
      (limitMs) => this.#dialer.dial(limitMs),
      settings.limits.timeoutMs,
      logger,
    );
    this.#local = new LocalFiles(settings.files.roots);
  }

  async exec(
    request: ExecRequest,
    signal: AbortSignal,
    progress: ((step: ExecProgress) => void) | undefined,
  ): Promise<ExecOutcome> {
    const limit = request.characterLimit ?? this.#settings.limits.characterLimit;
    return await runCommand(this.#pool, request, limit, { signal, progress });
  }

  async copy(
    request: CopyRequest,
    signal: AbortSignal,
    progress: ((step: CopyProgress) => void) | undefined,
  ): Promise<CopyOutcome> {
    const startedAt = performance.now();
    const source = await this.#source(request, signal);
    let path = "";
    const moved = await copy(source, async () => {
      const sink = await this.#sink(request, signal);
      path = sink.path;
      return sink;
    }, {
      maxBytes: request.maxBytes,
      stallMs: Math.max(LEAST_STALL_MS, this.#settings.limits.timeoutMs),
      signal,
      progress,
      sha256: request.sha256,
    });
    return { ...moved, durationMs: Math.round(performance.now() - startedAt), path };
  }

  async stat(endpoint: Endpoint, signal: AbortSignal): Promise<FileFacts> {
    if (endpoint.kind === "host") return await hostFacts(await this.#help(signal), endpoint.path);
    throw unsupportedEnd(endpoint);
  }

  diagnose(): Promise<Check[]> {
    return diagnose(this.#settings, this.#dialer, this.#pool);
  }

  close(limitMs: number): Promise<boolean> {
    return this.#pool.close(limitMs);
  }

  async #source({ from, maxBytes }: CopyRequest, signal: AbortSignal): Promise<Source> {
    switch (from.kind) {
      case "local":
        return await this.#local.openSource(from.path, maxBytes);
      case "host":
        return await openHostSource(await this.#help(signal), from.path, maxBytes);
      default:
        throw unsupportedEnd(from);
    }
  }

  async #sink({ to, overwrite, mode }: CopyRequest, signal: AbortSignal): Promise<Sink> {
    switch (to.kind) {
      case "local":
        return await this.#local.openSink(to.path, { overwrite, mode });
      case "host":
        return await openHostSink(await this.#help(signal), to.path, { overwrite, mode });
      default:
        throw unsupportedEnd(to);
    }
  }

  async #help(signal: AbortSignal): Promise<HostHelp> {
    const { sftp, connection } = await this.#pool.sftp(this.#patience(signal));
    return {
      sftp: new Sftp(sftp),
      hash: (path, size) => this.#hash(path, size, signal),
      keep: (path) => connection.guard?.keep(path),
      drop: (path) => connection.guard?.drop(path),
    };
  }

  async #hash(path: string, size: number, signal: AbortSignal): Promise<string | undefined> {
    const request = { command: hashCommand(path, size), timeoutMs: HASH_LIMIT_MS };
    const outcome = await runCommand(this.#pool, request, 1_000, { signal, progress: undefined });
    return outcome.ending === "exit" ? parseHash(outcome.stdout.text) : undefined;
  }

  #patience(signal: AbortSignal): Patience {
    const limitMs = this.#settings.limits.timeoutMs;
    return { deadlineMs: performance.now() + limitMs, limitMs, signal };
  }
}

const unsupportedEnd = (endpoint: Endpoint) =>
  new RemoteExecError(
    "internal",
    `No way to use a file of the kind ${endpoint.kind}`,
    "Report this defect",
  );
