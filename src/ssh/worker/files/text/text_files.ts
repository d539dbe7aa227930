import { cancelling } from "../../../../async/cancelling.ts";
import { deadline } from "../../../../async/deadline.ts";
import { InOrder } from "../../../../async/in_order.ts";
import { RemoteExecError } from "../../../../errors.ts";
import type { ExecOutcome, ExecProgress, ExecRequest } from "../../../port.ts";
import type {
  ContentOutcome,
  ContentRequest,
  FileContent,
  Listing,
  ListingRequest,
  PageRequest,
  RemoteEndpoint,
  TextPage,
  TextPort,
} from "../../../text/port.ts";
import { stalled } from "../copy.ts";
import { type HostAccess, hostPath } from "../host_files.ts";
import { hasShell, type HostShell } from "../shell/host_shell.ts";
import { checkRemotePath, noneIfUnsupported, type ShellEndpoint } from "../remote_file_errors.ts";
import type { Start } from "../shell/shell_files.ts";
import { sftpContent, shellContent } from "./content.ts";
import { sftpListing } from "./sftp_listing.ts";
import { sftpPage } from "./sftp_page.ts";
import { sftpWrite } from "./sftp_write.ts";
import { shellListing } from "./shell_listing.ts";
import { shellPage } from "./shell_page.ts";
import { shellWrite } from "./shell_write.ts";
import { againIfBlocked } from "../sftp/sftp_queue.ts";

/** What the text tools need from the host. */
export interface TextHost {
  /** Finds out whether the login is known to run what is requested. */
  isFree(signal: AbortSignal): Promise<boolean>;
  /** @param writes a file killed halfway must be removed, so the guard has to know it first */
  access(signal: AbortSignal, writes: boolean): Promise<HostAccess>;
  /** Returns what starts commands where the endpoint is: as the login, or as root. */
  startAt(endpoint: RemoteEndpoint, signal: AbortSignal): Start;
  readonly shell: HostShell;
  exec(
    request: ExecRequest,
    signal: AbortSignal,
    progress: ((step: ExecProgress) => void) | undefined,
  ): Promise<ExecOutcome>;
  readonly stallMs: number;
}

/** A file behind a command line, or over SFTP only. */
type Place =
  | { readonly kind: "shell"; readonly end: ShellEndpoint; readonly start: Start }
  | { readonly kind: "sftp"; readonly access: HostAccess; readonly path: string };

/** The max time of a call that reads: finding a line of a large file on a slow disk takes a while. */
const READ_LIMIT_MS = 60_000;

/**
 * Reads, writes and lists text files. With a shell, each call is one command on the host, so only what was
 * asked for crosses the network; without one, the same works over SFTP, except for checks.
 */
export class TextFiles implements TextPort {
  readonly #host: TextHost;
  readonly #writes = new InOrder();
  /** Whether scripts run on the host, once one has been tried. */
  #hasShell: boolean | undefined;

  constructor(host: TextHost) {
    this.#host = host;
  }

  async readPage(request: PageRequest, signal: AbortSignal): Promise<TextPage> {
    return await this.#limited(signal, (limited) =>
      this.#at(request.from, limited, {
        shell: ({ end, start }) => shellPage(endedBy(limited, start), end, request),
        sftp: ({ access, path }) => sftpPage(access, path, request, limited),
      }));
  }

  async readContent(
    from: RemoteEndpoint,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<FileContent> {
    return await this.#limited(signal, (limited) =>
      this.#at(from, limited, {
        shell: ({ end, start }) => shellContent(endedBy(limited, start), end, maxBytes),
        sftp: ({ access, path }) => sftpContent(access, path, maxBytes),
      }));
  }

  async writeContent(
    request: ContentRequest,
    signal: AbortSignal,
    progress?: (step: ExecProgress) => void,
  ): Promise<ContentOutcome> {
    // Two calls that replace the same content must not both find it unchanged.
    const key = JSON.stringify(request.to);
    return await this.#writes.run(
      key,
      () => this.#write(request, signal, progress),
      cancelling(signal),
    );
  }

  async listEntries(request: ListingRequest, signal: AbortSignal): Promise<Listing> {
    return await this.#limited(signal, async (limited) => {
      const { directory } = request;
      const start = endedBy(limited, this.#host.startAt(directory, limited));
      if (directory.kind === "shell") return await shellListing(start, directory, request);
      if (directory.sudo) {
        return await shellListing(start, await this.#shellEnd(directory, limited), request);
      }
      // SFTP reports names of all kinds, and needs no programs on the host.
      const access = await this.#host.access(limited, false).catch(async (error) => {
        if (!await this.#host.isFree(limited)) throw error;
        return noneIfUnsupported(error);
      });
      if (access !== undefined) return await sftpListing(access, request, limited);
      return await shellListing(start, await this.#shellEnd(directory, limited), request);
    });
  }

  async #write(
    request: ContentRequest,
    signal: AbortSignal,
    progress: ((step: ExecProgress) => void) | undefined,
  ): Promise<ContentOutcome> {
    return await this.#at(request.to, signal, {
      shell: ({ end, start }) =>
        shellWrite(start, end, request, {
          isHost: request.to.kind === "host",
          stallMs: this.#host.stallMs,
          signal,
          exec: (check) => this.#host.exec(check, signal, progress),
        }),
      sftp: ({ access, path }) => sftpWrite(access, path, request, signal, this.#host.stallMs),
    }, true);
  }

  #limited<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const limitMs = Math.max(READ_LIMIT_MS, this.#host.stallMs);
    const reading = (limited: AbortSignal) => againIfBlocked(() => work(limited));
    return deadline(reading, limitMs, { signal: cancelling(signal), late: stalled });
  }

  /** Does the work where the file is. A host whose shell runs no commands is used over SFTP. */
  async #at<T>(
    endpoint: RemoteEndpoint,
    signal: AbortSignal,
    work: {
      shell(place: Place & { kind: "shell" }): Promise<T>;
      sftp(place: Place & { kind: "sftp" }): Promise<T>;
    },
    writes = false,
  ): Promise<T> {
    checkRemotePath(endpoint.path);
    const place = await this.#place(endpoint, signal, writes);
    if (place.kind === "sftp") return await work.sftp(place);
    try {
      return await work.shell(place);
    } catch (error) {
      if (endpoint.kind === "shell" || endpoint.sudo || !isWithoutShell(error)) throw error;
      // The script may have been killed.
      if (await hasShell(place.start)) throw error;
      const access = await this.#host.access(signal, writes).catch(noneIfUnsupported);
      if (access === undefined) throw error;
      this.#hasShell = false;
      return await work.sftp({ kind: "sftp", access, path: hostPath(endpoint.path) });
    }
  }

  async #place(endpoint: RemoteEndpoint, signal: AbortSignal, writes: boolean): Promise<Place> {
    const start = this.#host.startAt(endpoint, signal);
    if (endpoint.kind === "shell") return { kind: "shell", end: endpoint, start };
    const { path, sudo } = endpoint;
    const shell = async () => ({
      kind: "shell" as const,
      end: await this.#shellEnd(endpoint, signal),
      start,
    });
    // SFTP cannot become root.
    if (sudo) return await shell();
    if (this.#hasShell ?? await this.#host.isFree(signal)) return await shell();
    const access = await this.#host.access(signal, writes);
    // A forced `internal-sftp` must not read a file's content as its requests.
    this.#hasShell ??= await access.mayRun() && await hasShell(start);
    if (this.#hasShell) return await shell();
    return { kind: "sftp", access, path: hostPath(path) };
  }

  #shellEnd({ path }: { readonly path: string }, signal: AbortSignal): Promise<ShellEndpoint> {
    const asLogin = this.#host.startAt({ kind: "host", path }, signal);
    return this.#host.shell.end(path, asLogin, signal);
  }
}

/** A read is stopped on the host when it is cancelled or takes too long: a file may have no end. */
const endedBy = (signal: AbortSignal, start: Start): Start => async (command) => {
  const started = await start(command);
  const end = () => void started.end().catch(() => {});
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });
  return started;
};

/** The script did not run at all. */
const isWithoutShell = (error: unknown): boolean =>
  error instanceof RemoteExecError && error.code === "invalid_state";
