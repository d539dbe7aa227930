import { RemoteExecError } from "../errors.ts";
import { type Remote, remote } from "../rpc/remote.ts";
import type {
  ByteRange,
  FilesPort,
  OpenedFile,
  TreeEntry,
  TreeLimits,
  WriteRequest,
} from "./files_port.ts";
import type { CopyOutcome, Endpoint, FileFacts } from "./port.ts";

/** A worker that reads or writes files of several hosts. */
export interface HostFilesPort {
  /**
   * Connects the worker of a host, in place of an earlier one.
   *
   * @param files answers as {@linkcode FilesPort}; undefined: the worker of the host has ended
   */
  connectHost(host: number, files: MessagePort | undefined): Promise<void>;
}

/** Sends each call to the worker of the host that its endpoint names. */
export class FilesOfHosts implements FilesPort, HostFilesPort {
  readonly #report: (defect: unknown) => void;
  readonly #hosts = new Map<number, Remote<FilesPort> & { readonly end: MessagePort }>();

  /** @param report receives defects, such as a stream that fails */
  constructor(report: (defect: unknown) => void) {
    this.#report = report;
  }

  connectHost(host: number, files: MessagePort | undefined): Promise<void> {
    const old = this.#hosts.get(host);
    old?.fail(ended());
    old?.end.close();
    this.#hosts.delete(host);
    if (files !== undefined) {
      this.#hosts.set(host, { ...remote<FilesPort>(files, this.#report), end: files });
    }
    return Promise.resolve();
  }

  async stat(endpoint: Endpoint, signal: AbortSignal): Promise<FileFacts> {
    return await this.#of(endpoint).stat(endpoint, signal);
  }

  async tree(endpoint: Endpoint, limits: TreeLimits, signal: AbortSignal): Promise<TreeEntry[]> {
    return await this.#of(endpoint).tree(endpoint, limits, signal);
  }

  async read(
    endpoint: Endpoint,
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): Promise<OpenedFile> {
    return await this.#of(endpoint).read(endpoint, range, signal);
  }

  async readTree(endpoint: Endpoint, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    return await this.#of(endpoint).readTree(endpoint, signal);
  }

  async sha256(endpoint: Endpoint, signal: AbortSignal): Promise<string> {
    return await this.#of(endpoint).sha256(endpoint, signal);
  }

  async hostSha256(endpoint: Endpoint, signal: AbortSignal): Promise<string | undefined> {
    return await this.#of(endpoint).hostSha256(endpoint, signal);
  }

  async write(
    request: WriteRequest,
    stream: ReadableStream<Uint8Array>,
    signal: AbortSignal,
  ): Promise<CopyOutcome> {
    return await this.#of(request.to).write(request, stream, signal);
  }

  #of({ host }: Endpoint): FilesPort {
    const found = host === undefined ? undefined : this.#hosts.get(host);
    if (found === undefined) throw notConnected();
    return found.port;
  }
}

const ended = () =>
  new RemoteExecError(
    "connection_lost",
    "The worker of the host ended during the transfer",
    "Check the destination, then start the transfer again",
  );

const notConnected = () =>
  new RemoteExecError(
    "unreachable",
    "The worker of the file's host does not run",
    "Call a tool for the host, which starts its worker; then try again",
  );
