import type { DownloadsConfig } from "../config/config.ts";
import type { PathBounds } from "../local/paths.ts";
import type { LogLevel } from "../log.ts";
import type { Endpoint } from "../ssh/port.ts";

/** What the downloads worker needs to know; sent once, before any other call. */
export interface DownloadsSettings {
  readonly downloads: DownloadsConfig;
  /** The working directory only. */
  readonly files: PathBounds;
  readonly logLevel: LogLevel;
  readonly secrets: readonly string[];
}

export interface LinkRequest {
  readonly from: Endpoint;
  readonly expiryMs: number;
}

/** How far the look at a file or directory has come: bytes read, entries seen, seconds of the host's work. */
export interface LinkProgress {
  readonly done: number;
  readonly total?: number;
  readonly unit: "bytes" | "entries" | "seconds";
}

/** Names inside a directory that its archive does not hold. */
export interface LeftOut {
  readonly count: number;
  /** The first ones, relative to the directory, each with its reason. */
  readonly names: readonly string[];
}

/** A link just made. `token` and `url` are secrets of the person who gets the link. */
export interface NewLink {
  readonly token: string;
  readonly url: string;
  readonly tokenId: string;
  readonly expiresAtMs: number;
  readonly fileType: "file" | "directory";
  readonly fileName: string;
  /** Bytes of the file, or of all files in the directory together. */
  readonly size: number;
  /** Lower-case hex; none for a directory. */
  readonly sha256: string | undefined;
  readonly leftOut: LeftOut;
}

/** Each link is counted in exactly one of the last three. */
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
  /** Somebody has begun to download. */
  readonly claimed: boolean;
}

export interface LinkReport {
  readonly statistics: LinkStatistics;
  /** Bytes of files and archives handed over in this session. */
  readonly bytesServed: number;
  readonly openLinks: readonly OpenLink[];
}

/** One event in a link's life, ready for the audit log. */
export type LinkEvent = Readonly<Record<string, unknown>>;

/** Who is told of each event in a link's life. */
export interface LinkEvents {
  record(event: LinkEvent): Promise<void>;
}

/** What the downloads worker promises. Functions only; every failure is a RemoteExecError. */
export interface DownloadsPort {
  /**
   * @param files answers as a FilesPort; without it links to remote files are refused
   * @param events answers as LinkEvents
   * @throws RemoteExecError `configuration` when the HTTP API is on and the address cannot be bound
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
  /** Ends a link and the downloads that run on it. @throws RemoteExecError `not_found` */
  revoke(tokenId: string): Promise<void>;
  /** Stops listening and ends what runs. */
  close(): Promise<void>;
}
