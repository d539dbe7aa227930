import { modeBits } from "../../mcp/arguments.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { bytesMoved, mapProgress } from "../../mcp/progress.ts";
import { inTime } from "../../rpc/in_time.ts";
import type { CopyProgress, Endpoint } from "../../ssh/port.ts";
import type { RemoteFile, RemotePlaces } from "./places.ts";
import type { UploadState } from "./transfer_id.ts";
import type {
  DeliverOutcome,
  ObjectRef,
  StoredObject,
  StoreOutcome,
  TransfersPort,
} from "../port.ts";

/** For a call that only asks or deletes, with all its repetitions. */
const CALL_MS = 180_000;

/** What became of the copy on ImageKit. */
export interface Cleanup {
  readonly deleted: boolean;
  readonly purged: boolean;
}

/** The calls into the worker, with their limits, their progress and the words for their failures. */
export class ImageKitMoves {
  readonly #port: TransfersPort;
  readonly #maxBytes: number;
  readonly #places: RemotePlaces;

  constructor(port: TransfersPort, maxBytes: number, places: RemotePlaces) {
    this.#port = port;
    this.#maxBytes = maxBytes;
    this.#places = places;
  }

  /** Looks for an object for up to `waitMs`. */
  async find(
    ref: ObjectRef,
    waitMs: number,
    { signal, progress }: ToolContext,
  ): Promise<StoredObject | undefined> {
    const message = "Looking for the file on ImageKit";
    const report = mapProgress(progress, ({ waitedMs }: { readonly waitedMs: number }) => ({
      progress: waitedMs / 1000,
      total: waitMs / 1000,
      message,
    }));
    return await inTime(signal, CALL_MS, this.#port.find("imagekit", ref, waitMs, signal, report));
  }

  /** Writes an object to its destination. */
  async deliver(
    { path, ctid, permissions, overwrite }: UploadState,
    to: Endpoint,
    { name, id: fileId }: StoredObject,
    { signal, progress }: ToolContext,
  ): Promise<DeliverOutcome> {
    const request = {
      ...{ bridge: "imagekit", ref: { name, id: fileId }, to, overwrite } as const,
      ...(permissions === undefined ? {} : { mode: modeBits(permissions) }),
      maxBytes: this.#maxBytes,
    };
    const report = bytesReport(progress, "Writing the file to its destination");
    try {
      return await inTime(signal, undefined, this.#port.deliver(request, signal, report));
    } catch (error) {
      throw await this.#places.notWritten({ path, ctid }, error, signal);
    }
  }

  /** Puts a file on ImageKit. */
  async store(
    file: RemoteFile,
    from: Endpoint,
    name: string,
    { signal, progress }: ToolContext,
  ): Promise<StoreOutcome> {
    const maxBytes = this.#maxBytes;
    const request = { bridge: "imagekit", from, name, metadata: {}, maxBytes } as const;
    const report = bytesReport(progress, "Putting the file on ImageKit");
    try {
      return await inTime(signal, undefined, this.#port.store(request, signal, report));
    } catch (error) {
      throw await this.#places.notRead(file, error, signal);
    }
  }

  /** Removes an object. Not cancelled with the call: the transfer itself is done by then. */
  async remove({ name, id: fileId }: StoredObject): Promise<Cleanup> {
    const { signal } = new AbortController();
    const removing = this.#port.remove("imagekit", { name, id: fileId }, signal);
    const { purged = false } = await inTime(signal, CALL_MS, removing);
    return { deleted: true, purged };
  }
}

const bytesReport = (progress: ToolContext["progress"], message: string) =>
  mapProgress(progress, (step: CopyProgress) => ({ ...bytesMoved(step), message }));
