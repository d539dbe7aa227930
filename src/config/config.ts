import type { LogLevel } from "../log.ts";
import type { Fault } from "./faults.ts";
import type { Origin } from "./origin.ts";

/**
 * The checked configuration. All paths are absolute; those of directories, the key and the TLS files
 * have their symbolic links resolved.
 */
export interface Config {
  /** The host; with several, the default one or the first that can be used. */
  readonly ssh: SshConfig;
  /** Only with several hosts. */
  readonly hosts?: HostsConfig;
  readonly limits: Limits;
  readonly jobs: JobsConfig;
  readonly directories: DirectoriesConfig;
  readonly files: FilesConfig;
  readonly auditLog: string | undefined;
  readonly logLevel: LogLevel;
  readonly proxmox: boolean;
  readonly imageKit: ImageKitConfig | undefined;
  readonly r2: R2Config | undefined;
  readonly downloads: DownloadsConfig;
  readonly offer: OfferConfig;
  /** Values that must not appear in any message, log line or answer. */
  readonly secrets: readonly string[];
  /** Sentences for the person who starts the server, like "ImageKit plugin disabled: …". */
  readonly notices: readonly string[];
  readonly origin: Origin;
}

/** One SSH server and one way to log in. */
export interface HostConfig {
  /** The name or address to connect to. */
  readonly host: string;
  /** Its name in the SSH configuration, if that is another one. */
  readonly alias?: string;
  readonly port: number;
  readonly username: string;
  readonly login: Login;
  /** The user's files first, then the system's. A file may be missing. */
  readonly knownHostsPaths: readonly string[];
  readonly strictHostKeyChecking: boolean;
  /** The name of the host in known_hosts, whatever its address and port. */
  readonly hostKeyAlias?: string;
  /** Max time for connecting, if it is shorter than that of the caller. */
  readonly connectTimeoutMs?: number;
  /** Interval of the requests to a silent host; 0: none. */
  readonly keepaliveMs?: number;
  /** How many of them may stay without an answer. */
  readonly keepaliveMax?: number;
  /** The only kind of addresses to connect to. */
  readonly family?: 4 | 6;
  /** Lists that replace the default ones. */
  readonly algorithms?: AlgorithmsConfig;
  /** The hosts through which it is reached, the first one first. None of them has jump hosts of its own. */
  readonly jumps?: readonly HostConfig[];
  /** Values that come from the SSH configuration, for people. */
  readonly sources?: readonly ValueSource[];
}

/** The configured host. */
export interface SshConfig extends HostConfig {
  /** False: no guard runs on the host; default true. */
  readonly guard?: boolean;
  /** How commands become root's; undefined: they do not. */
  readonly sudo?: SudoConfig;
}

/** Reports whether programs that only root may run go through sudo. */
export const needsSudo = ({ sudo, username }: Pick<SshConfig, "sudo" | "username">): boolean =>
  sudo !== undefined && username !== "root";

/** Without a password, sudo must not ask for one. */
export interface SudoConfig {
  readonly password?: string;
}

/** Names of algorithms that ssh2 has, the preferred one first. */
export interface AlgorithmsConfig {
  readonly kex?: readonly string[];
  readonly cipher?: readonly string[];
  readonly hmac?: readonly string[];
  readonly serverHostKey?: readonly string[];
}

/** A value of the SSH configuration and where it is written. */
export interface ValueSource {
  readonly keyword: string;
  readonly value: string;
  /** `FILE:LINE` */
  readonly place: string;
}

export type Login =
  | {
    readonly kind: "key";
    readonly path: string;
    readonly passphrase: string | undefined;
    readonly place?: string;
  }
  | { readonly kind: "password"; readonly password: string }
  | { readonly kind: "agent"; readonly socket: string; readonly place?: string }
  | KeysLogin;

/** The keys of an agent, then those in files, as ssh tries them. */
export interface KeysLogin {
  readonly kind: "keys";
  readonly socket: string | undefined;
  /** Where the socket is named: `FILE:LINE`. */
  readonly place?: string;
  readonly keys: readonly KeyFile[];
  /** Certificates of an SSH certificate authority for some of the keys. */
  readonly certificates?: readonly KeyFile[];
  /** Of the agent's keys, only those whose files are listed are used. */
  readonly onlyThese: boolean;
  readonly passphrase: string | undefined;
}

/** A private key, or a public one (`.pub`) whose private key the agent has. */
export interface KeyFile {
  readonly path: string;
  /** The public key of `path`, if there is such a file. */
  readonly publicPath?: string;
  /** Where the file is named: `FILE:LINE`. */
  readonly place?: string;
}

/** Several hosts, each with a name that callers use. */
export interface HostsConfig {
  /** Two or more. */
  readonly list: readonly NamedHost[];
  /** The host of calls that name none. */
  readonly defaultName: string | undefined;
  /** Workers at a time. */
  readonly maxWorkers: number;
}

/** One of several hosts. */
export interface NamedHost {
  readonly name: string;
  /** Undefined if the host cannot be used. */
  readonly ssh: SshConfig | undefined;
  /** Why the host cannot be used. */
  readonly fault?: Fault;
  /** It is a Proxmox VE server. */
  readonly proxmox: boolean;
}

export interface Limits {
  /** Unicode code points of stdout and stderr together. */
  readonly characterLimit: number;
  readonly maxFileBytes: number;
  readonly timeoutMs: number;
}

export interface JobsConfig {
  /** After this long a running call answers and its work goes on as a job; 0: never. */
  readonly answerWithinMs: number;
  /** Of stdout and of stderr, each, on the host. */
  readonly maxOutputBytes: number;
  /** How long the host keeps a job after its end. */
  readonly keepMs: number;
}

/** Limits of one copied directory. */
export interface DirectoriesConfig {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** A directory as a person wrote it, with symbolic links, and its resolved path. */
export interface Alias {
  readonly path: string;
  readonly real: string;
}

export interface FilesConfig {
  readonly workingDirectory: string;
  /** The working directory first. */
  readonly roots: readonly string[];
  /** Other names of the roots, with which a path may begin. */
  readonly aliases: readonly Alias[];
  /** The server's own files and directories, by their written and resolved paths. No tool reads or writes them. */
  readonly own: readonly string[];
  /** Device and number of own files: a hard link to one is refused too. Main adds them before it serves. */
  readonly ownIdentities?: readonly { readonly dev: number; readonly ino: number | null }[];
}

export interface ImageKitConfig {
  readonly publicKey: string;
  readonly privateKey: string;
  readonly urlEndpoint: string;
  readonly folder: string;
  readonly transferTimeoutMs: number;
  readonly maxFileBytes: number;
  readonly apiUrl: string;
  readonly uploadUrl: string;
}

export interface R2Config {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
  readonly region: string;
  readonly endpoint: string;
  readonly clientId: string;
  readonly maxFileBytes: number;
}

/** Which tools are offered. */
export interface OfferConfig {
  readonly readOnly: boolean;
  /** The words of TOOLS; none if it is not set. */
  readonly words: readonly string[];
  /** Names of the tools that the configuration registers and that READ_ONLY and TOOLS leave. */
  readonly tools: readonly string[];
}

export interface DownloadsConfig {
  readonly host: string;
  readonly port: number;
  /** If false, any free port is used when `port` is in use. */
  readonly portIsFixed: boolean;
  readonly baseUrl: string | undefined;
  readonly sessionId: string;
  readonly apiKey: string | undefined;
  readonly maxBytes: number;
  readonly tls: { readonly certPath: string; readonly keyPath: string } | undefined;
  readonly bindAddress: boolean;
  /** Who sends the links, for their pages. */
  readonly sender?: string | undefined;
}
