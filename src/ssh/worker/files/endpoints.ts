import type { ByteRange, TreeEntry, TreeLimits } from "../../files_port.ts";
import type { CopyRequest, Endpoint, FileFacts } from "../../port.ts";
import type { CommandStream } from "../commands/command_stream.ts";
import type { StartedCommand } from "../commands/started_command.ts";
import type { SessionWait } from "../connection/pool.ts";
import type { Sudo } from "../sudo/sudo.ts";
import { type HostAccess, hostFacts, openHostSource } from "./host_files.ts";
import { HostShell } from "./shell/host_shell.ts";
import { openHostSink } from "./host_sink.ts";
import type { LocalFiles } from "./local/local_files.ts";
import { unsupportedEnd } from "./remote_file_errors.ts";
import {
  openShellSink,
  openShellSource,
  openShellTree,
  shellFacts,
  shellTree,
  type Start,
} from "./shell/shell_files.ts";
import type { Sink, Source } from "./source_sink.ts";
import { hostTree } from "./tree.ts";

/** What {@linkcode Endpoints} needs. */
export interface EndpointContext {
  readonly local: LocalFiles;
  readonly sudo: Sudo;
  /** @param writes a file killed halfway must be removed, so the guard has to know it first */
  access(signal: AbortSignal, writes?: boolean): Promise<HostAccess>;
  start(line: string, wait: SessionWait): Promise<StartedCommand>;
  wait(signal: AbortSignal): SessionWait;
}

/** Files on this machine, on the host and in containers, each by the way that reaches it. */
export class Endpoints {
  readonly #context: EndpointContext;
  readonly shell: HostShell;

  constructor(context: EndpointContext) {
    this.#context = context;
    this.shell = new HostShell((signal) => context.access(signal));
  }

  /** Returns what is at an endpoint. */
  async facts(given: Endpoint, signal: AbortSignal): Promise<FileFacts> {
    const endpoint = await this.reached(given, signal);
    switch (endpoint.kind) {
      case "local":
        return await this.#context.local.facts(endpoint.path);
      case "host":
        return await hostFacts(await this.#context.access(signal), endpoint.path);
      case "shell":
        return await shellFacts(this.startAt(given, signal), endpoint);
    }
  }

  /** Opens a regular file, or a part of it. */
  async source(
    given: Endpoint,
    maxBytes: number,
    signal: AbortSignal,
    range: ByteRange | undefined,
  ): Promise<Source> {
    const from = await this.reached(given, signal);
    switch (from.kind) {
      case "local":
        return await this.#context.local.openSource(from.path, maxBytes, range);
      case "host":
        return await openHostSource(await this.#context.access(signal), from.path, maxBytes, range);
      case "shell":
        return await openShellSource(this.startAt(given, signal), from, maxBytes, range);
    }
  }

  /** SFTP cannot become root, so files of root are reached through a shell, by an absolute path. */
  async reached(endpoint: Endpoint, signal: AbortSignal): Promise<Endpoint> {
    if (endpoint.kind !== "host" || !endpoint.sudo) return endpoint;
    return await this.shell.end(
      endpoint.path,
      this.startAt({ kind: "host", path: "" }, signal),
      signal,
    );
  }

  /** Lists everything below a directory. */
  async tree(endpoint: Endpoint, limits: TreeLimits, signal: AbortSignal): Promise<TreeEntry[]> {
    if (endpoint.kind === "host") {
      const { sftp } = await this.#context.access(signal);
      return await hostTree(sftp, endpoint.path, limits, signal);
    }
    if (endpoint.kind !== "shell") throw unsupportedEnd(endpoint);
    return await shellTree(this.startAt(endpoint, signal), endpoint, limits, signal);
  }

  /** Opens the directory of a shell endpoint as a tar stream. */
  async openTree(endpoint: Endpoint, signal: AbortSignal): Promise<CommandStream> {
    if (endpoint.kind !== "shell") throw unsupportedEnd(endpoint);
    return await openShellTree(this.startAt(endpoint, signal), endpoint);
  }

  /** Opens the file that a source is written to. */
  async sink(
    { to: given, overwrite, mode }: Omit<CopyRequest, "from">,
    size: number | undefined,
    signal: AbortSignal,
  ): Promise<Sink> {
    const options = { overwrite, mode };
    const to = await this.reached(given, signal);
    switch (to.kind) {
      case "local":
        return await this.#context.local.openSink(to.path, options);
      case "host":
        return await openHostSink(await this.#context.access(signal, true), to.path, options);
      case "shell":
        return await openShellSink(this.startAt(given, signal), to, size ?? 0, options);
    }
  }

  /** Files in containers need root: `pct` runs for nobody else. */
  startAt(at: Endpoint, signal: AbortSignal): Start {
    const { sudo, start, wait } = this.#context;
    const asRoot = at.kind === "host" && at.sudo || at.kind === "shell" && sudo.isNeeded;
    return (line) => asRoot ? sudo.startScript(line, wait(signal)) : start(line, wait(signal));
  }
}
