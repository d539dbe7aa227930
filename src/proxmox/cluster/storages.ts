import { RemoteExecError } from "../../errors.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { type HostAnswer, outputOf, type ProxmoxHost, withoutNoise } from "../host.ts";
import { type BackupVolume, parseStorages, parseVolumes, type Storage } from "../parsers/pvesh.ts";

/** A template, image, disk or backup on a storage. */
export type Volume = BackupVolume;

/** Reads the storages of the node and what is on them. */
export class Storages {
  readonly #host: ProxmoxHost;

  constructor(host: ProxmoxHost) {
    this.#host = host;
  }

  /** Lists the storages that may hold `kind` and are turned on. @throws RemoteExecError */
  async list(kind: string, context: Pick<ToolContext, "signal">): Promise<Storage[]> {
    const answer = await this.#get("/nodes/localhost/storage", [], context);
    return parseStorages(outputOf(answer, "Listing the storages"), kind);
  }

  /** Lists what a storage holds. @throws RemoteExecError `not_found`, `io_error` */
  async content(
    storage: string,
    { kind, vmid }: { readonly kind?: string; readonly vmid?: number },
    context: Pick<ToolContext, "signal">,
  ): Promise<Volume[]> {
    const answer = await this.#get(`/nodes/localhost/storage/${storage}/content`, [
      ...(kind === undefined ? [] : ["--content", kind]),
      ...(vmid === undefined ? [] : ["--vmid", String(vmid)]),
    ], context);
    if (answer.code !== 0) throw unreadableStorage(storage, withoutNoise(answer.stderr));
    return parseVolumes(answer.stdout);
  }

  async #get(
    path: string,
    options: readonly string[],
    { signal }: Pick<ToolContext, "signal">,
  ): Promise<HostAnswer> {
    const action = "Reading the storages";
    return await this.#host.get(path, options, { signal, progress: undefined, action });
  }
}

const unreadableStorage = (storage: string, found: string) =>
  /^storage '.*' does not exist/m.test(found)
    ? new RemoteExecError(
      "not_found",
      `The storage "${storage}" does not exist`,
      "Run `pvesm status` with ssh_exec_command to see the storages",
    )
    : new RemoteExecError(
      "io_error",
      `The storage "${storage}" cannot be read: ${
        found === "" ? "the program gave no reason" : found.split("\n").join("; ")
      }`,
      "Check the storage in Proxmox VE: its server or disk may be down",
    );
