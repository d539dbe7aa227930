import type { HostsConfig } from "../../config/config.ts";
import { printable, RemoteExecError } from "../../errors.ts";
import { bytesMoved, mapProgress } from "../../mcp/progress.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { inTime } from "../../rpc/in_time.ts";
import { receiveStream } from "../../rpc/parcel.ts";
import type { CopyOutcome } from "../port.ts";
import type { BetweenHosts } from "./port.ts";

/** A file on one of several hosts. */
export interface HostFile {
  readonly host: string;
  readonly path: string;
}

/** Copies files between hosts: the bytes go from worker to worker, past this isolate and this machine's disk. */
export class HostCopyService {
  readonly #hosts: HostsConfig;
  readonly #between: BetweenHosts;
  readonly #maxBytes: number;

  constructor(hosts: HostsConfig, between: BetweenHosts, maxBytes: number) {
    this.#hosts = hosts;
    this.#between = between;
    this.#maxBytes = maxBytes;
  }

  /** Copies one file. @throws RemoteExecError; the destination then has its old content or does not exist */
  async copy(
    from: HostFile,
    to: HostFile,
    overwrite: boolean,
    { signal, progress }: ToolContext,
  ): Promise<CopyOutcome> {
    const [source, target] = [this.#numberOf(from.host), this.#numberOf(to.host)];
    if (source === target) throw sameHost(from.host);
    const maxBytes = this.#maxBytes;
    return await this.#between(source, target, async (sender, receiver) => {
      const { end, ...facts } = await inTime(
        signal,
        undefined,
        sender.sendFile(from.path, maxBytes, signal),
      );
      if (signal.aborted) await receiveStream(end).cancel();
      signal.throwIfAborted();
      const request = { ...facts, path: to.path, overwrite, maxBytes };
      const report = mapProgress(progress, bytesMoved);
      return await inTime(signal, undefined, receiver.receiveFile(end, request, signal, report));
    });
  }

  #numberOf(name: string): number {
    const number = this.#hosts.list.findIndex((host) => host.name === name);
    if (number >= 0) return number;
    throw new RemoteExecError(
      "invalid_argument",
      `There is no host ${printable(name)}`,
      "Correct the name of the host",
    );
  }
}

const sameHost = (name: string) =>
  new RemoteExecError(
    "invalid_argument",
    `Both files are on ${name}`,
    "Copy on one host with cp, in ssh_exec_command",
  );
