import type { Clock } from "../../async/clock.ts";
import type { Logger } from "../../log.ts";
import type { Check } from "../../ssh/port.ts";
import type {
  BridgeName,
  ListProgress,
  ObjectRef,
  Removal,
  StoredObject,
  StoreProgress,
  TicketRequest,
  UploadTicket,
} from "../port.ts";

/** What every driver gets from the worker besides its own settings. */
export interface BridgeTools {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What comes with each call to a driver. */
export interface BridgeCall {
  /** Aborted with a RemoteExecError as its reason; a driver rejects with that reason, soon. */
  readonly signal: AbortSignal;
  readonly progress: ((step: StoreProgress) => void) | undefined;
}

/** The bytes of a file to be stored. */
export interface PutSource {
  /** What messages call it. */
  readonly label: string;
  /** Bytes; 0 also for a file like those in /proc whose size is not known before. */
  readonly size: number;
  readonly maxBytes: number;
  /** To be read once, to its end or cancelled. Whoever opened it cancels what was not begun. */
  readonly stream: ReadableStream<Uint8Array>;
  /** Lower-case hex of the whole file, computed where it lies: a second reading there. */
  sha256(): Promise<string>;
}

export interface NewObject {
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What was sent; `sha256` is computed from the bytes as they were sent. */
export interface PutOutcome {
  readonly object: StoredObject;
  readonly sha256: string;
}

/** An object opened for reading. */
export interface OpenedObject {
  readonly object: StoredObject;
  /** Lower-case hex that the content must have, when the bridge keeps it. */
  readonly sha256: string | undefined;
  /** The driver proves the content by itself: the stream ends in an error when it is another. */
  readonly selfProving: boolean;
  /** Exactly the stored bytes, also over a connection that was cut in between. Fails with RemoteExecError. */
  readonly stream: ReadableStream<Uint8Array>;
}

/**
 * One storage service. All drivers pass the same contract test (tests/contracts/bridge.ts).
 * A driver needs the net right for the service's hosts and nothing else. Every failure is a
 * RemoteExecError; it carries neither secrets nor signed addresses.
 */
export interface Bridge {
  readonly name: BridgeName;
  /**
   * Stores a file; done when the service has confirmed size and content. When it fails or is
   * cancelled nothing of it stays there.
   *
   * @throws RemoteExecError `too_large` beyond `maxBytes`, `changed` when the file is not `size` bytes long
   */
  put(object: NewObject, source: PutSource, call: BridgeCall): Promise<PutOutcome>;
  /** @throws RemoteExecError `not_found`, `expired` for an address that is over, `too_large` */
  open(ref: ObjectRef, maxBytes: number, call: BridgeCall): Promise<OpenedObject>;
  /** Undefined when there is none; asks once. */
  find(ref: ObjectRef, call: BridgeCall): Promise<StoredObject | undefined>;
  /** Everything of ours whose name starts with `prefix`, sorted by name. */
  list(
    prefix: string,
    call: BridgeCall,
    progress?: (step: ListProgress) => void,
  ): Promise<StoredObject[]>;
  remove(ref: ObjectRef, call: BridgeCall): Promise<Removal>;
  uploadTicket(request: Omit<TicketRequest, "bridge">): Promise<UploadTicket>;
  downloadUrl(ref: ObjectRef, expiresAtMs: number): Promise<string>;
  /** Removes objects of ours that are over; gives how many. Never touches anything else. */
  sweep(call: BridgeCall): Promise<number>;
  diagnose(call: BridgeCall): Promise<Check[]>;
}
