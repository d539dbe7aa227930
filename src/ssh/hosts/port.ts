import type { CopyOutcome, CopyProgress } from "../port.ts";

/** A file that is read here and written by the worker of another host. */
export interface SentFile {
  /** Undefined for a file that changes by itself. */
  readonly size: number | undefined;
  /** Permission bits. */
  readonly mode: number | undefined;
  /** Computed on the host, if it can. */
  readonly sha256: string | undefined;
  /** Its bytes, and nothing else of this host. */
  readonly end: MessagePort;
}

/** Where a file from another host is written. */
export interface ReceiveRequest extends Omit<SentFile, "end"> {
  readonly path: string;
  readonly overwrite: boolean;
  readonly maxBytes: number;
}

/** What the worker of a host promises for copies from and to another host. */
export interface HostCopiesPort {
  sendFile(path: string, maxBytes: number, signal: AbortSignal): Promise<SentFile>;
  receiveFile(
    end: MessagePort,
    request: ReceiveRequest,
    signal: AbortSignal,
    progress?: (step: CopyProgress) => void,
  ): Promise<CopyOutcome>;
}

/** Runs work with the workers of two hosts, by number. Neither ends before it. */
export type BetweenHosts = <T>(
  from: number,
  to: number,
  work: (from: HostCopiesPort, to: HostCopiesPort) => Promise<T>,
) => Promise<T>;
