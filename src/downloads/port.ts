import type { DownloadsConfig } from "../config/config.ts";
import type { PathBounds } from "../local/paths.ts";
import type { LogLevel } from "../log.ts";
import type { Endpoint } from "../ssh/port.ts";

/** The settings of the downloads worker. Sent once, before any other call. */
export interface DownloadsSettings {
  readonly downloads: DownloadsConfig;
  /** The working directory only. */
  readonly files: PathBounds;
  /** The files of hosts come from several workers, which are connected one by one. */
  readonly severalHosts?: boolean;
  readonly logLevel: LogLevel;
  readonly secrets: readonly string[];
}

export interface LinkRequest {
  readonly from: Endpoint;
  readonly expiryMs: number;
}

/** Progress of making a link: bytes read, entries seen, or seconds that the host has worked. */
export interface LinkProgress {
  readonly done: number;
  readonly total?: number;
  readonly unit: "bytes" | "entries" | "seconds";
}

/** Names inside a directory that its archive leaves out. */
export interface LeftOut {
  readonly count: number;
  /** The first hundred, relative to the directory, each with its reason. */
  readonly names: readonly string[];
}

/** A new link. `token` and `url` are secrets: anyone who has them can download the file. */
export interface NewLink {
  readonly token: string;
  readonly url: string;
  readonly tokenId: string;
  readonly expiresAtMs: number;
  readonly fileType: "file" | "directory";
  readonly fileName: string;
  /** Bytes of the file, or of all files in the directory together. */
  readonly size: number;
  /** Lowercase hex; undefined for a directory. */
  readonly sha256: string | undefined;
  readonly leftOut: LeftOut;
  /** The variables to set for links that open on other machines; empty if this one does. */
  readonly missing: readonly ("DOWNLOAD_HOST" | "BASE_URL")[];
}

/** Each link is counted in `total` and in exactly one of the others. */
export interface LinkStatistics {
  readonly total: number;
  readonly active: number;
  readonly used: number;
  readonly expired: number;
}

/** A link that can still be used, without its secret. */
export interface OpenLink {
  readonly tokenId: string;
  readonly fileName: string;
  readonly fileType: "file" | "directory";
  readonly source: "local" | "host" | "container";
  readonly size: number;
  readonly expiresAtMs: number;
  /** A download has started. */
  readonly claimed: boolean;
}

export interface LinkReport {
  readonly statistics: LinkStatistics;
  /** Bytes of files and archives sent in this session. */
  readonly bytesServed: number;
  readonly openLinks: readonly OpenLink[];
}

/** One event of a link, ready for the audit log. */
export type LinkEvent = Readonly<Record<string, unknown>>;

/** Receives each event of a link. */
export interface LinkEvents {
  record(event: LinkEvent): Promise<void>;
}

/** The calls that the downloads worker answers. Every failure is a RemoteExecError. */
export interface DownloadsPort {
  /**
   * Prepares the worker. With the HTTP API on, the worker starts to listen afterwards; it logs an address
   * that cannot be bound, and each new link tries again. Otherwise the first link starts the listener.
   *
   * @param files a port that answers as FilesPort; without it, links to remote files are refused
   * @param events a port that answers as LinkEvents
   */
  configure(
    settings: DownloadsSettings,
    files: MessagePort | undefined,
    events: MessagePort,
  ): Promise<void>;
  createLink(
    request: LinkRequest,
    signal: AbortSignal,
    progress?: (step: LinkProgress) => void,
  ): Promise<NewLink>;
  report(): Promise<LinkReport>;
  /** Ends a link and its running downloads. @throws RemoteExecError `not_found` */
  revoke(tokenId: string): Promise<void>;
  /** Stops listening and ends all downloads. */
  close(): Promise<void>;
}
