import { loadedOnce } from "../../async/loaded_once.ts";
import type { Logger } from "../../log.ts";
import { type Clock, waitingClock } from "../../async/clock.ts";
import { Turns } from "../../async/turns.ts";
import { cancelling } from "../../async/cancelling.ts";
import { deadline } from "../../async/deadline.ts";
import { copy, stalled } from "./files/copy.ts";
import { runOnHost } from "./jobs/run_on_host.ts";
import { DEFAULT_SETTINGS } from "./jobs/job_start.ts";
import { RunningCommands } from "./jobs/running_commands.ts";
import { HostJobs } from "./jobs/host_jobs.ts";
import { Dialer } from "./connection/dial.ts";
import type { CommandStream } from "./commands/command_stream.ts";
import type { Sink, Source } from "./files/source_sink.ts";
import type { ByteRange, TreeEntry, TreeLimits } from "../files_port.ts";
import type { HostAccess } from "./files/host_files.ts";
import { HostTraits } from "./connection/host_traits.ts";
import { ConnectionPool, dialWith, type SessionWait } from "./connection/pool.ts";
import { GUARD_START_MS, HostLogin } from "./login.ts";
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
} from "../port.ts";
import type { TextPort } from "../text/port.ts";
import type { HostMemory } from "../host_memory.ts";
import type { Directories } from "./directories/directories.ts";
import { KeptOutputs } from "./kept/kept_outputs.ts";
import { RemoteHashes } from "./files/shell/remote_hash.ts";
import type { Endpoints } from "./files/endpoints.ts";
import { Sudo } from "./sudo/sudo.ts";
import type { TextFiles } from "./files/text/text_files.ts";
import { Sftp } from "./files/sftp/sftp.ts";
import { againIfBlocked } from "./files/sftp/sftp_queue.ts";

/** Max time for listing a tree; SFTP lists each directory separately. */
const LIST_LIMIT_MS = 300_000;
/** Each copy keeps up to 4 MB in flight, so more at a time cost memory and are not faster. */
const MAX_COPIES = 8;
/** The part of the time for a close in which cancelled commands may still be stopped. */
const RUNNING_SHARE = 0.8;
/** A transfer that moves no byte for this long, or for TIMEOUT if that is longer, is aborted. */
const MIN_STALL_MS = 30_000;

/** The configured host: runs commands on it and copies files to and from it. */
export class RemoteHost {
  readonly #settings: SshSettings;
  readonly #clock: Clock;
  readonly #pool: ConnectionPool;
  readonly #dialer: Dialer;
  readonly #traits: HostTraits;
  readonly #login: HostLogin;
  readonly #hashes: RemoteHashes;
  readonly #sudo: Sudo;
  readonly #accepted: Map<number, Uint8Array>;
  readonly #turns = new Turns(MAX_COPIES);
  readonly #running = new RunningCommands();
  readonly jobs: HostJobs;
  /** The calls about directories. */
  readonly directories: Pick<Directories, "copy"> = {
    copy: async (...request) => await (await this.#loadedDirectories()).copy(...request),
  };
  /** The calls about text files. */
  readonly text: TextPort = {
    readPage: async (...request) => await (await this.#loadedText()).readPage(...request),
    readContent: async (...request) => await (await this.#loadedText()).readContent(...request),
    writeContent: async (...request) => await (await this.#loadedText()).writeContent(...request),
    listEntries: async (...request) => await (await this.#loadedText()).listEntries(...request),
  };
  // Loaded by their first call: with several hosts, each worker would hold these modules.
  readonly #endpoints = loadedOnce(() => this.#loadEndpoints());
  readonly #loadedDirectories = loadedOnce(() => this.#loadDirectories());
  readonly #loadedText = loadedOnce(() => this.#loadText());
  /** The outputs that were cut in their answers. */
  readonly kept = new KeptOutputs();

  /** @param clock measures the time limits of commands */
  constructor(settings: SshSettings, logger: Logger, clock: Clock = waitingClock) {
    this.#settings = settings;
    this.#clock = clock;
    this.#traits = new HostTraits(settings.ssh.guard);
    const { hostKeys = [], isSudoWrong } = settings.memory ?? {};
    this.#accepted = new Map(hostKeys);
    this.#dialer = new Dialer(settings.ssh, logger, undefined, this.#traits, this.#accepted);
    const { timeoutMs } = settings.limits;
    this.#pool = new ConnectionPool(dialWith(this.#dialer), timeoutMs, logger, this.#traits);
    this.#login = new HostLogin(this.#traits, this.#pool);
    this.#hashes = new RemoteHashes(this.#pool, this.#traits);
    const startRoot = (line: string, wait: SessionWait) => this.#login.startOwn(line, wait);
    this.#sudo = new Sudo(settings.ssh, startRoot, isSudoWrong);
    this.jobs = new HostJobs({
      settings: settings.jobs ?? DEFAULT_SETTINGS,
      limitMs: this.#stallMs,
      start: (line, signal) => this.#startOwn(line, signal),
      root: async ({ command: line, graceMs }, signal) => {
        await this.#sudo.prove(this.#sessionWait(signal));
        return this.#sudo.job({ line, graceMs });
      },
    });
  }

  /** True if the host is known to run what is requested. */
  get isLoginFree(): boolean {
    return this.#traits.login === "free";
  }

  /** What a later worker of this host must know. */
  get memory(): HostMemory {
    return { hostKeys: [...this.#accepted], isSudoWrong: this.#sudo.isWrong };
  }

  async exec(
    request: ExecRequest,
    signal: AbortSignal,
    progress: ((step: ExecProgress) => void) | undefined,
  ): Promise<ExecOutcome> {
    const wait = this.#sessionWait(signal, request.timeoutMs);
    return await this.#running.track(runOnHost(request, wait, {
      ...{ pool: this.#pool, login: this.#login, settings: this.#settings, progress },
      ...{ kept: this.kept, clock: this.#clock, sudo: this.#sudo, closing: this.#running.closing },
    }));
  }

  async copy(
    request: CopyRequest,
    signal: AbortSignal,
    progress: ((step: CopyProgress) => void) | undefined,
  ): Promise<CopyOutcome> {
    const copying = async () => {
      const source = await this.openSource(request.from, request.maxBytes, signal);
      return await this.write(source, request, signal, progress);
    };
    return await this.#turns.run(() => againIfBlocked(copying), cancelling(signal));
  }

  /** Writes a source to a file, which gets its name only after verification. */
  async write(
    source: Source,
    request: Omit<CopyRequest, "from">,
    signal: AbortSignal,
    progress: ((step: CopyProgress) => void) | undefined,
  ): Promise<CopyOutcome> {
    const startedAt = performance.now();
    let sink: Sink | undefined;
    const moved = await copy(source, async () => {
      return sink = await (await this.#endpoints()).sink(request, source.size, signal);
    }, {
      maxBytes: request.maxBytes,
      stallMs: this.#stallMs,
      signal,
      progress,
      sha256: request.sha256,
    });
    return {
      ...moved,
      durationMs: Math.round(performance.now() - startedAt),
      path: sink?.path ?? "",
      ...(sink?.keptMode === undefined ? {} : { keptMode: sink.keptMode }),
    };
  }

  async stat(endpoint: Endpoint, signal: AbortSignal): Promise<FileFacts> {
    const facts = againIfBlocked(async () =>
      await (await this.#endpoints()).facts(endpoint, signal)
    );
    return await deadline(facts, this.#stallMs, stallOptions(signal));
  }

  /** Opens a regular file, or a part of it. */
  async openSource(
    from: Endpoint,
    maxBytes: number,
    signal: AbortSignal,
    range?: ByteRange,
  ): Promise<Source> {
    const opening = againIfBlocked(async () =>
      await (await this.#endpoints()).source(from, maxBytes, signal, range)
    );
    const undo = (late: Source) => late.close();
    return await deadline(opening, this.#stallMs, { ...stallOptions(signal), undo });
  }

  get #stallMs(): number {
    return Math.max(MIN_STALL_MS, this.#settings.limits.timeoutMs);
  }

  /** Lists everything below a directory. */
  async tree(endpoint: Endpoint, limits: TreeLimits, signal: AbortSignal): Promise<TreeEntry[]> {
    const listing = async (limited: AbortSignal) =>
      await (await this.#endpoints()).tree(endpoint, limits, limited);
    return await deadline(listing, LIST_LIMIT_MS, stallOptions(signal));
  }

  /** Opens the directory of a shell endpoint as a tar stream. */
  async openTree(endpoint: Endpoint, signal: AbortSignal): Promise<CommandStream> {
    const opening = this.#endpoints().then((ends) => ends.openTree(endpoint, signal));
    const undo = (late: CommandStream) => late.close();
    return await deadline(opening, this.#stallMs, { ...stallOptions(signal), undo });
  }

  /** Returns the sha256 of a file, computed on the host; undefined if the host has no tool for it. */
  async sha256(endpoint: Endpoint, signal: AbortSignal): Promise<string | undefined> {
    if (endpoint.kind !== "host") return undefined;
    const { size, path } = await this.stat(endpoint, signal);
    return size === 0 ? undefined : await (await this.#access(signal)).hash(path, size);
  }

  /** Runs the checks of `doctor`. */
  async diagnose(): Promise<Check[]> {
    const { diagnose } = await import("./diagnose.ts");
    return await diagnose(this.#settings, this.#dialer, this.#pool, this.#traits, this.#sudo);
  }

  /** Stops everything that runs on the host. True if the host confirmed it. */
  async close(limitMs: number): Promise<boolean> {
    const startedAt = performance.now();
    await this.#running.end(limitMs * RUNNING_SHARE);
    return await this.#pool.close(limitMs - (performance.now() - startedAt));
  }

  async #loadEndpoints(): Promise<Endpoints> {
    const { LocalFiles } = await import("./files/local/local_files.ts");
    const { Endpoints } = await import("./files/endpoints.ts");
    return new Endpoints({
      ...{ local: new LocalFiles(this.#settings.files), sudo: this.#sudo },
      access: (signal, writes) => this.#access(signal, writes),
      start: (line, wait) => this.#pool.start(line, wait),
      wait: (signal) => this.#sessionWait(signal),
    });
  }

  async #loadDirectories(): Promise<Directories> {
    const { Directories } = await import("./directories/directories.ts");
    const ends = await this.#endpoints();
    return new Directories({
      ...{ bounds: this.#settings.files, stallMs: this.#stallMs, turns: this.#turns },
      startAt: (endpoint, signal) => ends.startAt(endpoint, signal),
      reached: (endpoint, signal) => ends.reached(endpoint, signal),
      startOwn: (line, signal) => this.#startOwn(line, signal),
      access: (signal) => this.#access(signal, true),
      files: this,
    });
  }

  async #loadText(): Promise<TextFiles> {
    const { TextFiles } = await import("./files/text/text_files.ts");
    const ends = await this.#endpoints();
    return new TextFiles({
      isFree: (signal) => this.#login.isFree(this.#sessionWait(signal)),
      access: (signal, writes) => this.#access(signal, writes),
      startAt: (endpoint, signal) => ends.startAt(endpoint, signal),
      shell: ends.shell,
      exec: (request, signal, progress) => this.exec(request, signal, progress),
      stallMs: this.#stallMs,
    });
  }

  #startOwn(line: string, signal: AbortSignal) {
    return this.#login.startOwn(line, this.#sessionWait(signal));
  }

  /** @param writes a file killed halfway must be removed, so the guard has to know it first */
  async #access(signal: AbortSignal, writes = false): Promise<HostAccess> {
    const { sftp: session, connection } = await this.#pool.sftp(this.#sessionWait(signal));
    const sftp = new Sftp(session);
    const learned = this.#login.learn(sftp, connection);
    learned.catch(() => {}); // reported where it is awaited
    if (writes) await learned.then(() => connection.guard.keeps(GUARD_START_MS));
    return {
      sftp,
      ...this.#hashes.access(learned, () => this.#sessionWait(signal)),
      mayRun: () => learned,
      keep: (path) => connection.guard.keep(path),
      drop: (path) => connection.guard.drop(path),
      isGuarded: () => connection.guard.isRunning(),
    };
  }

  #sessionWait(signal: AbortSignal, limitMs = this.#settings.limits.timeoutMs): SessionWait {
    return { deadlineMs: performance.now() + limitMs, limitMs, signal };
  }
}

const stallOptions = (signal: AbortSignal) => ({ signal: cancelling(signal), late: stalled });
