import { LOG_LEVELS, type LogLevel } from "../../log.ts";
import {
  apiKey,
  baseUrl,
  boolean,
  host,
  hostNames,
  integer,
  label,
  listenAddress,
  loginName,
  oneLine,
  oneOf,
  onOff,
  plainName,
  text,
  words,
} from "./parsers.ts";
import { STORAGE_VARIABLES } from "./storage_variables.ts";
import { optional, row, type Variable } from "./variable.ts";

export type { Group, Variable } from "./variable.ts";

const MAX_INTEGER = Number.MAX_SAFE_INTEGER;

/** The one table of variables. `.env.example` and the README table are generated from it. */
export const VARIABLES = {
  acceptRisks: row(
    "Required",
    "I_ACCEPT_RISKS",
    boolean,
    false,
    "Must be true: an AI gets a shell on HOST",
  ),
  host: optional("Required", "HOST", host, "Host name or IP address of the SSH host"),
  hosts: optional<readonly string[]>(
    "SSH",
    "HOSTS",
    hostNames,
    "Several hosts, separated by commas; each tool then has the argument host, and HOST is its default",
  ),
  maxHostWorkers: row(
    "SSH",
    "MAX_HOST_WORKERS",
    integer(1, 500),
    8,
    "Max workers of HOSTS at a time; the longest idle one is ended for another host",
  ),
  username: row("SSH", "SSH_USERNAME", loginName, "root", "Login name"),
  password: optional(
    "SSH",
    "SSH_PASSWORD",
    text,
    "Password; also answers keyboard-interactive questions. SSH_PASSWORD_NAME: that of a jump host",
    { secret: true },
  ),
  keyPath: optional(
    "SSH",
    "SSH_KEY",
    text,
    "Private key file (RSA, Ed25519, ECDSA; OpenSSH or PEM). Takes precedence over the password",
  ),
  keyPassphrase: optional("SSH", "SSH_KEY_PASSPHRASE", text, "Passphrase of the private key", {
    secret: true,
  }),
  agentSocket: optional(
    "SSH",
    "SSH_AUTH_SOCK",
    text,
    "SSH agent socket; used when neither key nor password is set",
  ),
  port: row("SSH", "SSH_PORT", integer(1, 65_535), 22, "SSH port"),
  strictHostKeyChecking: row(
    "SSH",
    "SSH_STRICT_HOST_KEY_CHECKING",
    boolean,
    true,
    "false accepts an unknown host key (never a changed one)",
  ),
  knownHosts: optional(
    "SSH",
    "SSH_KNOWN_HOSTS",
    text,
    "known_hosts file; the system's file is read as well",
    { shown: "~/.ssh/known_hosts" },
  ),
  sshConfig: optional(
    "SSH",
    "SSH_CONFIG",
    text,
    "SSH configuration that is read for HOST, like `ssh -F`; none reads none",
    { shown: "~/.ssh/config" },
  ),
  guard: row("SSH", "SSH_GUARD", onOff, true, "off: no guard on the host stops commands", {
    shown: "on",
  }),
  sudo: row("SSH", "SUDO", boolean, false, "true: the login may use sudo without a password"),
  sudoPassword: optional("SSH", "SUDO_PASSWORD", oneLine, "Password that sudo asks for", {
    secret: true,
  }),
  characterLimit: row(
    "Limits",
    "CHARACTER_LIMIT",
    integer(100, 10_000_000),
    25_000,
    "Max characters of stdout and stderr in an answer",
  ),
  maxFileSize: row(
    "Limits",
    "MAX_FILE_SIZE",
    integer(1, MAX_INTEGER),
    10_485_760,
    "Max size of a file for the file tools, in bytes",
  ),
  directoryMaxEntries: row(
    "Limits",
    "DIRECTORY_MAX_ENTRIES",
    integer(1, 1_000_000),
    20_000,
    "Max entries of a copied directory",
  ),
  directoryMaxSize: row(
    "Limits",
    "DIRECTORY_MAX_SIZE",
    integer(1, MAX_INTEGER),
    2_000_000_000,
    "Max size of all files in a copied directory together, in bytes",
  ),
  timeoutSeconds: row(
    "Limits",
    "TIMEOUT",
    integer(1, 300),
    30,
    "Default time limit of a command and time limit for connecting, in seconds",
  ),
  answerWithinSeconds: row(
    "Limits",
    "ANSWER_WITHIN",
    integer(0, 300),
    45,
    "Seconds after which a call that still runs answers with a job_id and goes on as a job; 0: never",
  ),
  jobMaxOutput: row(
    "Limits",
    "JOB_MAX_OUTPUT",
    integer(1, MAX_INTEGER),
    1_000_000_000,
    "Max bytes of a job's stdout and of its stderr on the host; the rest is counted and dropped",
  ),
  jobKeepHours: row(
    "Limits",
    "JOB_KEEP_HOURS",
    integer(1, 8_760),
    72,
    "Hours that the host keeps a job after its end",
  ),
  workingDirectory: optional(
    "Files",
    "WORKING_DIRECTORY",
    text,
    "Existing directory for local files; if the current one is / or holds the program, ~/mcp-files is created",
    { shown: "current directory" },
  ),
  allowedDirectories: optional(
    "Files",
    "ALLOWED_DIRECTORIES",
    text,
    "More local directories, separated by ':' (on Windows ';')",
  ),
  auditLog: optional(
    "Files",
    "AUDIT_LOG",
    text,
    "File to which one JSON line per tool call is appended",
  ),
  logLevel: row<LogLevel>(
    "Files",
    "LOG_LEVEL",
    oneOf(LOG_LEVELS),
    "info",
    "Log level on stderr: debug, info, warn or error",
  ),
  readOnly: row(
    "Server",
    "READ_ONLY",
    boolean,
    false,
    "true offers only tools that change nothing on the host, this machine or a storage service",
  ),
  tools: optional<readonly string[]>(
    "Server",
    "TOOLS",
    words,
    "Tools to offer: names or families (ssh, proxmox, links, exchange, imagekit), separated by commas; -name removes",
    { shown: "all" },
  ),
  strictStart: row(
    "Server",
    "STRICT_START",
    boolean,
    false,
    "true exits with code 2 when the configuration has faults, instead of reporting them to the client",
  ),
  enableProxmox: row(
    "Proxmox",
    "ENABLE_PROXMOX",
    boolean,
    false,
    "true adds the Proxmox tools; HOST must be a Proxmox VE server",
  ),
  proxmoxHosts: optional<readonly string[]>(
    "Proxmox",
    "PROXMOX_HOSTS",
    hostNames,
    "Hosts of HOSTS that are Proxmox VE servers",
  ),
  ...STORAGE_VARIABLES,
  downloadHost: row(
    "Links",
    "DOWNLOAD_HOST",
    listenAddress,
    "127.0.0.1",
    "IP address on which download links are served",
  ),
  downloadPort: optional(
    "Links",
    "DOWNLOAD_PORT",
    integer(1, 65_535),
    "Port for download links; if the default is in use, any free port",
    { shown: "8000" },
  ),
  downloadBaseUrl: optional("Links", "BASE_URL", baseUrl, "Public base URL of download links", {
    shown: "http://DOWNLOAD_HOST:DOWNLOAD_PORT",
  }),
  downloadSessionId: optional(
    "Links",
    "SESSION_ID",
    plainName,
    "Session name in the HTTP API",
    { shown: "random" },
  ),
  downloadApiKey: optional(
    "Links",
    "DOWNLOAD_API_KEY",
    apiKey,
    "Bearer token of 16 characters or more that turns on the HTTP API",
    { secret: true },
  ),
  downloadMaxSize: row(
    "Links",
    "DOWNLOAD_MAX_SIZE",
    integer(1, MAX_INTEGER),
    104_857_600,
    "Max size of a linked file or directory, in bytes",
  ),
  downloadTlsCert: optional(
    "Links",
    "DOWNLOAD_TLS_CERT",
    text,
    "Certificate file (PEM); turns on https for links",
  ),
  downloadTlsKey: optional(
    "Links",
    "DOWNLOAD_TLS_KEY",
    text,
    "Private key file (PEM) of the certificate",
  ),
  downloadBindIp: row(
    "Links",
    "DOWNLOAD_BIND_IP",
    boolean,
    false,
    "true binds a link to the IP address that first downloads from it",
  ),
  linkSender: optional(
    "Links",
    "LINK_SENDER",
    label,
    "Name of the sender, shown on the page of a link",
  ),
} as const;

/** The parsed values, by the table's keys. */
export type Values = {
  -readonly [K in keyof typeof VARIABLES]: (typeof VARIABLES)[K] extends Variable<infer T> ? T
    : never;
};
