import type { ImageKitConfig, R2Config } from "../config/config.ts";
import type { LogLevel } from "../log.ts";
import type { Check, CopyOutcome, CopyProgress, Endpoint } from "../ssh/port.ts";

/** A storage service that carries bytes between two machines. */
export type BridgeName = "imagekit" | "r2";

/** Settings of the transfers worker; sent once, before any other call. */
export interface TransfersSettings {
  readonly imageKit: ImageKitConfig | undefined;
  readonly r2: R2Config | undefined;
  /** Whether expired transfers are removed at the start and hourly. */
  readonly sweeps: boolean;
  readonly logLevel: LogLevel;
  readonly secrets: readonly string[];
}

/** Identifies one object of a storage service. */
export interface ObjectRef {
  /** Name below the folder or prefix of this program; drivers refuse a name that leads out of it. */
  readonly name: string;
  /** The service's id if it is known, like ImageKit's `fileId`; it must belong to `name`. */
  readonly id?: string;
  /** A presigned URL of the object: reading then uses its signature instead of our credentials. */
  readonly url?: string;
}

/** An object as the service reports it. */
export interface StoredObject {
  readonly name: string;
  /** ImageKit's `fileId`, or S3's ETag without quotation marks. */
  readonly id: string;
  readonly size: number;
  /** When it was stored, by the service's clock. */
  readonly storedAtMs: number;
  /** The metadata that was stored with it; empty for a service that keeps none. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A file to store. */
export interface StoreRequest {
  readonly bridge: BridgeName;
  readonly from: Endpoint;
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly maxBytes: number;
}

/** What was stored; `sha256` is computed from the bytes that were sent, in lower-case hex. */
export interface StoreOutcome {
  readonly object: StoredObject;
  readonly bytes: number;
  readonly sha256: string;
  readonly durationMs: number;
}

/** A stored object to write to a file. */
export interface DeliverRequest {
  readonly bridge: BridgeName;
  readonly ref: ObjectRef;
  readonly to: Endpoint;
  readonly overwrite: boolean;
  /** Mode bits for the new file, like 0o644. */
  readonly mode?: number;
  readonly maxBytes: number;
}

/** What was written, and from which object. */
export interface DeliverOutcome extends CopyOutcome {
  readonly object: StoredObject;
  /** The content was compared with a hash that the service keeps, not only with a size. */
  readonly contentProven: boolean;
}

/** A request to let somebody store one object without our credentials. */
export interface TicketRequest {
  readonly bridge: BridgeName;
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly expiresAtMs: number;
  /** Bytes, if known: a service that supports it then refuses any other length. */
  readonly size?: number;
}

/** One upload by somebody else. Every value has to be sent exactly as it is here. */
export interface UploadTicket {
  readonly method: "PUT" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Form fields of a POST, in order; the file goes into the field `file`. Empty for PUT. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The time limit that the service applies. */
  readonly expiresAtMs: number;
  /** A second upload is refused by the service. */
  readonly writeOnce: boolean;
}

/** Progress of a listing, in objects. */
export interface ListProgress {
  readonly read: number;
  readonly total: number;
}

/** Result of a removal. */
export interface Removal {
  /** False if the object did not exist. */
  readonly existed: boolean;
  /** Copies in the service's delivery network were purged too; undefined for a service without one. */
  readonly purged?: boolean;
}

/**
 * What the transfers worker promises. Functions only; every failure is a RemoteExecError.
 * No byte of a file passes through the main isolate.
 */
export interface TransfersPort {
  /**
   * Starts the sweeps, if any, in the background.
   *
   * @param files is connected to a FilesPort; undefined with several hosts, which are connected one by one
   */
  configure(settings: TransfersSettings, files: MessagePort | undefined): Promise<void>;
  store(
    request: StoreRequest,
    signal: AbortSignal,
    progress?: (step: CopyProgress) => void,
  ): Promise<StoreOutcome>;
  deliver(
    request: DeliverRequest,
    signal: AbortSignal,
    progress?: (step: CopyProgress) => void,
  ): Promise<DeliverOutcome>;
  /** Returns the object, or undefined when it does not appear within `waitMs`. */
  find(
    bridge: BridgeName,
    ref: ObjectRef,
    waitMs: number,
    signal: AbortSignal,
    progress?: (step: { readonly waitedMs: number }) => void,
  ): Promise<StoredObject | undefined>;
  /** Returns our objects whose name starts with `prefix`, with metadata, sorted by name. */
  list(
    bridge: BridgeName,
    prefix: string,
    signal: AbortSignal,
    progress?: (step: ListProgress) => void,
  ): Promise<StoredObject[]>;
  remove(bridge: BridgeName, ref: ObjectRef, signal: AbortSignal): Promise<Removal>;
  uploadTicket(request: TicketRequest): Promise<UploadTicket>;
  /** Returns a URL that returns the stored bytes to anybody who has it. The object need not exist. */
  downloadUrl(bridge: BridgeName, ref: ObjectRef, expiresAtMs: number): Promise<string>;
  /** Milliseconds by which this machine is ahead of the service; undefined before a response. */
  clockAheadMs(bridge: BridgeName): Promise<number | undefined>;
  /** Checks each configured service, for `doctor`. */
  diagnose(): Promise<Check[]>;
  /** Cancels everything and removes unfinished uploads, as far as `limitMs` allows. */
  close(limitMs: number): Promise<void>;
}
