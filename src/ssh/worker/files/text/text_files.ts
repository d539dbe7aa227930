import { cancelling } from "../../../../async/cancelling.ts";
import { deadline } from "../../../../async/deadline.ts";
import { InOrder } from "../../../../async/in_order.ts";
import { RemoteExecError } from "../../../../errors.ts";
import type { ExecOutcome, ExecRequest } from "../../../port.ts";
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
import type { LoginKind } from "../../connection/host_traits.ts";
import { stalled } from "../copy.ts";
import { type HostAccess, hostPath } from "../host_files.ts";
import { absolutePath } from "../limited_sftp.ts";
import {
  checkRemotePath,
  HOST_LABEL,
  noneIfUnsupported,
  type ShellEndpoint,
} from "../remote_file_errors.ts";
import { run, type Start } from "../shell_files.ts";
import { sftpContent, shellContent } from "./content.ts";
import { sftpListing } from "./sftp_listing.ts";
import { sftpPage } from "./sftp_page.ts";
import { sftpWrite } from "./sftp_write.ts";
import { shellListing } from "./shell_listing.ts";
import { shellPage } from "./shell_page.ts";
import { shellWrite } from "./shell_write.ts";

/** What the text tools need from the host. */
export interface TextHost {
  login(): LoginKind;
  /** @param writes a file killed halfway must be removed, so the guard has to know it first */
  access(signal: AbortSignal, writes: boolean): Promise<HostAccess>;
  start(signal: AbortSignal): Start;
  exec(request: ExecRequest, signal: AbortSignal): Promise<ExecOutcome>;
  readonly stallMs: number;
}

/** A file behind a command line, or over SFTP only. */
type Place =
  | { readonly kind: "shell"; readonly end: ShellEndpoint; readonly start: Start }
  | { readonly kind: "sftp"; readonly access: HostAccess; readonly path: string };

/** Inserted before a script that runs on the host itself; a prefix such as `sudo -n` would go here. */
const HOST_PREFIX = "exec";

/** The max time of a call that reads: finding a line of a large file may take a while. */
const READ_LIMIT_MS = 120_000;

/**
 * Reads, writes and lists text files. With a shell, each call is one command on the host, so only what was
 * asked for crosses the network; without one, the same works over SFTP, except for checks.
 */
export class TextFiles implements TextPort {
  readonly #host: TextHost;
  readonly #writes = new InOrder();
  /** Where relative paths start, once it is known. */
  #startDirectory: string | undefined;
  /** Whether scripts run on the host, once one has been tried. */
  #hasShell: boolean | undefined;

  constructor(host: TextHost) {
    this.#host = host;
  }

  async readPage(request: PageRequest, signal: AbortSignal): Promise<TextPage> {
    return await this.#limited(signal, (limited) =>
      this.#at(request.from, limited, {
        shell: ({ end, start }) => shellPage(start, end, request),
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
        shell: ({ end, start }) => shellContent(start, end, maxBytes),
        sftp: ({ access, path }) => sftpContent(access, path, maxBytes),
      }));
  }

  async writeContent(request: ContentRequest, signal: AbortSignal): Promise<ContentOutcome> {
    // Two calls that replace the same content must not both find it unchanged.
    const key = JSON.stringify(request.to);
    return await this.#writes.run(key, () => this.#write(request, signal), cancelling(signal));
  }

  async listEntries(request: ListingRequest, signal: AbortSignal): Promise<Listing> {
    return await this.#limited(signal, async (limited) => {
      const { directory } = request;
      if (directory.kind === "shell") {
        return await shellListing(this.#host.start(limited), directory, request);
      }
      // SFTP reports names of all kinds, and needs no programs on the host.
      const access = await this.#sftp(limited, false);
      if (access !== undefined) return await sftpListing(access, request, limited);
      const end = await this.#shellEnd(directory.path, undefined);
      return await shellListing(this.#host.start(limited), end, request);
    });
  }

  async #write(request: ContentRequest, signal: AbortSignal): Promise<ContentOutcome> {
    return await this.#at(request.to, signal, {
      shell: ({ end, start }) =>
        shellWrite(start, end, request, {
          isHost: request.to.kind === "host",
          stallMs: this.#host.stallMs,
          signal,
          exec: (check) => this.#host.exec(check, signal),
        }),
      sftp: ({ access, path }) => sftpWrite(access, path, request, signal, this.#host.stallMs),
    }, true);
  }

  #limited<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const limitMs = Math.max(READ_LIMIT_MS, this.#host.stallMs);
    return deadline(work, limitMs, { signal: cancelling(signal), late: stalled });
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
      if (endpoint.kind === "shell" || !isWithoutShell(error)) throw error;
      const access = await this.#sftp(signal, writes);
      if (access === undefined) throw error;
      this.#hasShell = false;
      return await work.sftp({ kind: "sftp", access, path: hostPath(endpoint.path) });
    }
  }

  async #place(endpoint: RemoteEndpoint, signal: AbortSignal, writes: boolean): Promise<Place> {
    const start = this.#host.start(signal);
    if (endpoint.kind === "shell") return { kind: "shell", end: endpoint, start };
    const { path } = endpoint;
    const isAbsolute = path.startsWith("/") || this.#startDirectory !== undefined;
    const isKnown = this.#hasShell ?? this.#host.login() === "free";
    if (isKnown && isAbsolute) {
      return { kind: "shell", end: await this.#shellEnd(path, undefined), start };
    }
    const access = await this.#sftp(signal, writes);
    if (access !== undefined && !await this.#mayUseShell(access, start)) {
      return { kind: "sftp", access, path: hostPath(path) };
    }
    return { kind: "shell", end: await this.#shellEnd(path, access), start };
  }

  /** Returns undefined for a host that offers commands only. A forced command would run again. */
  async #sftp(signal: AbortSignal, writes: boolean): Promise<HostAccess | undefined> {
    return await this.#host.access(signal, writes).catch((error) => {
      if (this.#host.login() !== "free") throw error;
      return noneIfUnsupported(error);
    });
  }

  async #mayUseShell(access: HostAccess, start: Start): Promise<boolean> {
    if (this.#hasShell !== undefined) return this.#hasShell;
    if (!await access.mayRun()) return false;
    if (this.#host.login() === "free") return true;
    // A forced `internal-sftp` must not read a file's content as its requests.
    return this.#hasShell = await hasShell(start);
  }

  /** Returns the endpoint of a file of the host behind its shell. */
  async #shellEnd(path: string, access: HostAccess | undefined): Promise<ShellEndpoint> {
    const relative = hostPath(path);
    const end = { kind: "shell", prefix: HOST_PREFIX, label: HOST_LABEL } as const;
    if (relative.startsWith("/")) return { ...end, path: relative };
    if (this.#startDirectory === undefined && access !== undefined) {
      this.#startDirectory = await absolutePath(access.sftp, ".");
    }
    if (this.#startDirectory === undefined) throw noStartDirectory(path);
    const start = this.#startDirectory.replace(/\/$/, "");
    return { ...end, path: relative === "." ? start || "/" : `${start}/${relative}` };
  }
}

/** Runs a script that only prints a word. */
async function hasShell(start: Start): Promise<boolean> {
  const end = { kind: "shell", prefix: HOST_PREFIX, label: HOST_LABEL, path: "/" } as const;
  const stream = await run(start, end, "echo shell").catch(noneIfUnsupported);
  if (stream === undefined) return false;
  try {
    stream.endInput();
    return await stream.readLine() === "shell";
  } finally {
    await stream.close();
  }
}

/** The script did not run at all. */
const isWithoutShell = (error: unknown): boolean =>
  error instanceof RemoteExecError && error.code === "invalid_state";

const noStartDirectory = (path: string) =>
  new RemoteExecError(
    "unsupported",
    `Cannot resolve the relative path ${path}: the host offers no SFTP`,
    "Use an absolute path",
  );
