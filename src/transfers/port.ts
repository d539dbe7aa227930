import type { ImageKitConfig, R2Config } from "../config/config.ts";
import type { LogLevel } from "../log.ts";
import type { Check, CopyOutcome, CopyProgress, Endpoint } from "../ssh/port.ts";

/** A storage service that carries bytes between two machines. */
export type BridgeName = "imagekit" | "r2";

/** What the transfers worker needs to know; sent once, before any other call. */
export interface TransfersSettings {
  readonly imageKit: ImageKitConfig | undefined;
  readonly r2: R2Config | undefined;
  readonly logLevel: LogLevel;
  readonly secrets: readonly string[];
}

/** Names one object of a bridge. */
export interface ObjectRef {
  /** The name below the bridge's own folder or prefix; drivers refuse what leads out of it. */
  readonly name: string;
  /** The service's own id when it is known, like ImageKit's `fileId`; it must belong to `name`. */
  readonly id?: string;
  /** A presigned address of the object: reading then uses its signature in place of our own. */
  readonly url?: string;
}

/** An object as the service tells of it. */
export interface StoredObject {
  readonly name: string;
  /** ImageKit's `fileId`, S3's ETag without quotation marks. */
  readonly id: string;
  readonly size: number;
  /** The service's time of storing. */
  readonly storedAtMs: number;
  /** Our own words about it, as they were given; empty where the service keeps none. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A file to put on a bridge. */
export interface StoreRequest {
  readonly bridge: BridgeName;
  readonly from: Endpoint;
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly maxBytes: number;
}

/** What was stored; `sha256` is that of the bytes that were sent, in lower-case hex. */
export interface StoreOutcome {
  readonly object: StoredObject;
  readonly bytes: number;
  readonly sha256: string;
  readonly durationMs: number;
}

/** How far a file has come to the bridge. */
export interface StoreProgress extends CopyProgress {
  /** What is being done before the first byte leaves; `bytes` then only grows from step to step. */
  readonly message?: string;
}

/** An object to write to a file. */
export interface DeliverRequest {
  readonly bridge: BridgeName;
  readonly ref: ObjectRef;
  readonly to: Endpoint;
  readonly overwrite: boolean;
  /** Mode bits for the new file, like 0o644. */
  readonly mode?: number;
  readonly maxBytes: number;
}

/** What was written, and the object that it came from. */
export interface DeliverOutcome extends CopyOutcome {
  readonly object: StoredObject;
  /** The content equals a hash that the bridge keeps, not only its size. */
  readonly contentProven: boolean;
}

/** What a person needs to store one object without our credentials. */
export interface TicketRequest {
  readonly bridge: BridgeName;
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly expiresAtMs: number;
  /** Bytes, when they are known before: the service then refuses any other length where it can. */
  readonly size?: number;
}

/** One upload by somebody else. Everything has to be sent exactly as it stands here. */
export interface UploadTicket {
  readonly method: "PUT" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Form fields of a POST, in order; the file is the field `file`. Empty for PUT. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** What really holds. */
  readonly expiresAtMs: number;
  /** A second upload is refused by the service. */
  readonly writeOnce: boolean;
}

/** How far a listing has come, in objects. */
export interface ListProgress {
  readonly read: number;
  readonly total: number;
}

/** What became of a removal. */
export interface Removal {
  /** There was something to remove. */
  readonly existed: boolean;
  /** Copies in the service's delivery network are gone too; undefined where it has none. */
  readonly purged?: boolean;
}

/**
 * What the transfers worker promises. Functions only; every failure is a RemoteExecError.
 * No byte of a file passes through the main isolate.
 */
export interface TransfersPort {
  /** `files` answers as a FilesPort. Sweeping begins with this call, in the background. */
  configure(settings: TransfersSettings, files: MessagePort): Promise<void>;
  store(
    request: StoreRequest,
    signal: AbortSignal,
    progress?: (step: StoreProgress) => void,
  ): Promise<StoreOutcome>;
  deliver(
    request: DeliverRequest,
    signal: AbortSignal,
    progress?: (step: CopyProgress) => void,
  ): Promise<DeliverOutcome>;
  /** The object, or undefined when there is none, after looking for it for up to `waitMs`. */
  find(
    bridge: BridgeName,
    ref: ObjectRef,
    waitMs: number,
    signal: AbortSignal,
    progress?: (step: { readonly waitedMs: number }) => void,
  ): Promise<StoredObject | undefined>;
  /** Everything of ours whose name starts with `prefix`, with its metadata, oldest name first. */
  list(
    bridge: BridgeName,
    prefix: string,
    signal: AbortSignal,
    progress?: (step: ListProgress) => void,
  ): Promise<StoredObject[]>;
  remove(bridge: BridgeName, ref: ObjectRef, signal: AbortSignal): Promise<Removal>;
  uploadTicket(request: TicketRequest): Promise<UploadTicket>;
  /** An address that gives exactly the stored bytes to whoever has it. The object need not exist. */
  downloadUrl(bridge: BridgeName, ref: ObjectRef, expiresAtMs: number): Promise<string>;
  /** One line a step and configured bridge, for `doctor`. */
  diagnose(): Promise<Check[]>;
  /** Cancels everything; unfinished uploads are taken back as far as `limitMs` allows. */
  close(limitMs: number): Promise<void>;
}
