import * as comlink from "comlink";
import type { ImageKitConfig } from "../config/config.ts";
import { modeBits, type ToolContext } from "../mcp/tool.ts";
import type { Calls } from "../sandbox/calls.ts";
import type { CopyProgress, Endpoint } from "../ssh/port.ts";
import type { RemotePlaces } from "./imagekit_places.ts";
import type { UploadState } from "./imagekit_transfer_id.ts";
import type {
  DeliverOutcome,
  ObjectRef,
  StoredObject,
  StoreOutcome,
  TransfersPort,
} from "./port.ts";

/** For a call that only asks or deletes, with all its repetitions. */
const CALL_MS = 180_000;

/** What became of the copy on ImageKit. */
export interface Cleanup {
  readonly deleted: boolean;
  readonly purged: boolean;
}

interface Parts {
  readonly port: TransfersPort;
  readonly calls: Calls;
  readonly config: ImageKitConfig;
}

/** The calls into the worker, with their limits, their progress and the words for their failures. */
export class ImageKitMoves {
  readonly #parts: Parts;
  readonly #places: RemotePlaces;

  constructor(parts: Parts, places: RemotePlaces) {
    this.#parts = parts;
    this.#places = places;
  }

  /** Looks for an object for up to `waitMs`. */
  async find(
    ref: ObjectRef,
    waitMs: number,
    { signal, progress }: ToolContext,
  ): Promise<StoredObject | undefined> {
    const message = "Looking for the file on ImageKit";
    const report = progress &&
      comlink.proxy(({ waitedMs }: { readonly waitedMs: number }) =>
        progress({ progress: waitedMs / 1000, total: waitMs / 1000, message })
      );
    return await this.#parts.calls.run(
      signal,
      CALL_MS,
      (id) => this.#parts.port.find(id, "imagekit", ref, waitMs, report),
    );
  }

  /** Writes an object to its destination. */
  async deliver(
    { path, ctid, permissions, overwrite }: UploadState,
    to: Endpoint,
    { name, id: fileId }: StoredObject,
    { signal, progress }: ToolContext,
  ): Promise<DeliverOutcome> {
    const { port, calls, config } = this.#parts;
    const request = {
      ...{ bridge: "imagekit", ref: { name, id: fileId }, to, overwrite } as const,
      ...(permissions === undefined ? {} : { mode: modeBits(permissions) }),
      maxBytes: config.maxFileBytes,
    };
    const report = bytesReport(progress, "Writing the file to its destination");
    try {
      return await calls.run(signal, undefined, (id) => port.deliver(id, request, report));
    } catch (error) {
      throw await this.#places.notWritten({ path, ctid }, error, signal);
    }
  }

  /** Puts a file on ImageKit. */
  async store(
    file: { readonly path: string; readonly ctid: number | undefined },
    from: Endpoint,
    name: string,
    { signal, progress }: ToolContext,
  ): Promise<StoreOutcome> {
    const { port, calls, config } = this.#parts;
    const maxBytes = config.maxFileBytes;
    const request = { bridge: "imagekit", from, name, metadata: {}, maxBytes } as const;
    const report = bytesReport(progress, "Putting the file on ImageKit");
    try {
      return await calls.run(signal, undefined, (id) => port.store(id, request, report));
    } catch (error) {
      throw await this.#places.notRead(file, error, signal);
    }
  }

  /** Removes an object. Not cancelled with the call: the transfer itself is done by then. */
  async remove({ name, id: fileId }: StoredObject): Promise<Cleanup> {
    const { purged = false } = await this.#parts.calls.run(
      new AbortController().signal,
      CALL_MS,
      (id) => this.#parts.port.remove(id, "imagekit", { name, id: fileId }),
    );
    return { deleted: true, purged };
  }
}

function bytesReport(progress: ToolContext["progress"], message: string) {
  return progress &&
    comlink.proxy(({ bytes, total }: CopyProgress) =>
      progress({ progress: bytes, message, ...(total === undefined ? {} : { total }) })
    );
}
