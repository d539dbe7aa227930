import type { Clock } from "../../async/clock.ts";
import { RemoteExecError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Check, CopyProgress } from "../../ssh/port.ts";
import type {
  BridgeName,
  ListProgress,
  ObjectRef,
  Removal,
  StoredObject,
  TicketRequest,
  UploadTicket,
} from "../port.ts";

/** What every driver receives from the worker besides its own settings. */
export interface BridgeTools {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What comes with each call to a driver. */
export interface BridgeCall {
  /** Its reason is a RemoteExecError. A driver rejects with that reason without delay. */
  readonly signal: AbortSignal;
  readonly progress: ((step: CopyProgress) => void) | undefined;
}

/** A file to be stored. */
export interface PutSource {
  /** The name in messages. */
  readonly label: string;
  /** Bytes; 0 also for a file whose size is unknown, like those in /proc. */
  readonly size: number;
  readonly maxBytes: number;
  /** Read it once, to its end, or cancel it. If nothing was read, the caller of the driver cancels it. */
  readonly stream: ReadableStream<Uint8Array>;
  /**
   * Lower-case hex of the complete file, if the host can compute it. Call it before reading, so that the
   * host hashes while the bytes flow. It fails when that takes too long.
   */
  sha256(): Promise<string | undefined>;
}

/** A new object. */
export interface NewObject {
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What was stored; `sha256` is computed from the bytes that were sent. */
export interface PutOutcome {
  readonly object: StoredObject;
  readonly sha256: string;
}

/** An object opened for reading. */
export interface OpenedObject {
  readonly object: StoredObject;
  /** Lower-case hex that the content must have, if the service stores it. */
  readonly sha256: string | undefined;
  /** True if the driver checks the content: the stream then ends in an error if the content differs. */
  readonly selfProving: boolean;
  /** Exactly the stored bytes; resumed after a cut. Fails with a RemoteExecError. */
  readonly stream: ReadableStream<Uint8Array>;
}

/**
 * One storage service. All drivers pass the same contract test (tests/contracts/bridge.ts).
 * A driver needs only the permission `net` for the hosts of its service. Every failure is a
 * RemoteExecError without secrets and signed URLs.
 */
export interface Bridge {
  readonly name: BridgeName;
  /**
   * Stores a file. Resolves when the service has confirmed size and content. A failed or cancelled
   * upload leaves nothing behind.
   *
   * @throws RemoteExecError `too_large` beyond `maxBytes`, `changed` when the file is not `size` bytes long
   */
  put(object: NewObject, source: PutSource, call: BridgeCall): Promise<PutOutcome>;
  /** Opens an object. @throws RemoteExecError `not_found`, `expired` for an expired URL, `too_large` */
  open(ref: ObjectRef, maxBytes: number, call: BridgeCall): Promise<OpenedObject>;
  /** Returns undefined if the object does not exist. Asks once. */
  find(ref: ObjectRef, call: BridgeCall): Promise<StoredObject | undefined>;
  /** Returns our objects whose name starts with `prefix`, sorted by name. */
  list(
    prefix: string,
    call: BridgeCall,
    progress?: (step: ListProgress) => void,
  ): Promise<StoredObject[]>;
  remove(ref: ObjectRef, call: BridgeCall): Promise<Removal>;
  uploadTicket(request: Omit<TicketRequest, "bridge">): Promise<UploadTicket>;
  downloadUrl(ref: ObjectRef, expiresAtMs: number): Promise<string>;
  /** Deletes our expired objects and returns their number. Never touches other objects. */
  sweep(call: BridgeCall): Promise<number>;
  diagnose(call: BridgeCall): Promise<Check[]>;
  /** Milliseconds by which this machine is ahead of the service; undefined before a response. */
  clockAheadMs(): number | undefined;
}

/**
 * Runs one check for `doctor`. `run` returns the detail of a success; a RemoteExecError becomes a
 * failed check with its suggestion as the remedy.
 */
export async function runCheck(step: string, run: () => Promise<string>): Promise<Check[]> {
  try {
    return [{ step, ok: true, detail: await run() }];
  } catch (error) {
    if (!(error instanceof RemoteExecError)) throw error;
    return [{ step, ok: false, detail: error.message, remedy: error.suggestion }];
  }
}
