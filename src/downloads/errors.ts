import { errorText, RemoteExecError } from "../errors.ts";
import type { PathErrors } from "../local/path_guard.ts";

/** What every dead link answers, whatever it died of. */
export const DEAD_LINK = "Download link not found, expired, or already used";

/** What the HTTP API says of every path it refuses, so that it tells nothing about other files. */
export const linkRefusedText = (maxBytes: number): string =>
  "Could not create download link. Please verify:\n1. Path exists\n" +
  "2. Path is within working directory\n" +
  `3. File/directory size is within limits (${megabytes(maxBytes)}MB)`;

/** What the guard of local paths reports to callers of the link tools. */
export const linkPathErrors: PathErrors = {
  badPath: (path) => pathMissing(path.replaceAll("\0", "\\0")),
  homePath: (path) =>
    new RemoteExecError(
      "invalid_argument",
      `Path cannot start at the home directory: ${path}`,
      "Name the path relative to WORKING_DIRECTORY; write a name that begins with ~ as ./~",
    ),
  outside: (path) =>
    new RemoteExecError(
      "outside_directories",
      `Path is not within the working directory: ${path}`,
      "Name a file or directory inside WORKING_DIRECTORY",
    ),
  missing: (path) => pathMissing(path),
  ownFile: (path) =>
    new RemoteExecError(
      "not_permitted",
      `Path names a file of the server itself (configuration, key, known_hosts or audit log): ${path}`,
      "Choose another file; keep such files outside WORKING_DIRECTORY",
    ),
  notAFile: (path) => notLinkable(path),
  changed: () => fileChanged(),
  failed: (_action, path, cause) => readFailed(path, cause),
};

const pathMissing = (path: string) =>
  new RemoteExecError(
    "not_found",
    `Path does not exist: ${path}`,
    "Check the path; relative paths start at WORKING_DIRECTORY",
  );

function readFailed(path: string, cause: unknown): Error {
  if (cause instanceof Deno.errors.NotCapable) return linkPathErrors.outside(path);
  if (cause instanceof Deno.errors.PermissionDenied) {
    return new RemoteExecError(
      "not_permitted",
      `Cannot read ${path}`,
      "Check owner and mode of the file and of the directories above it",
      { cause },
    );
  }
  return new RemoteExecError(
    "io_error",
    `Cannot read ${path}: ${errorText(cause)}`,
    "Check the path and the disk of WORKING_DIRECTORY",
    { cause },
  );
}

export const notLinkable = (path: string) =>
  new RemoteExecError(
    "not_a_file",
    `Path is neither a regular file nor a directory: ${path}`,
    "Name a regular file or a directory",
  );

export const tooLarge = (what: "File" | "Directory", bytes: number, maxBytes: number) =>
  new RemoteExecError(
    "too_large",
    `${what} too large (${megabytes(bytes)}MB). Maximum allowed size is ${megabytes(maxBytes)}MB.`,
    "Raise DOWNLOAD_MAX_SIZE (bytes), or link a part of it",
  );

export const tooManyEntries = (maxEntries: number) =>
  new RemoteExecError(
    "too_large",
    `Directory holds more than ${maxEntries} entries`,
    "Link a part of it, or pack it into one file first",
  );

export const directoryTooLarge = (maxBytes: number, maxEntries: number) =>
  new RemoteExecError(
    "too_large",
    `Directory too large: more than ${megabytes(maxBytes)}MB or ${maxEntries} entries`,
    "Raise DOWNLOAD_MAX_SIZE (bytes), or link a part of it",
  );

export const withoutLength = (path: string) =>
  new RemoteExecError(
    "unsupported",
    `The length of ${path} is not known before it is read`,
    "Copy it into a regular file first, for example with ssh_exec_command, and link that",
  );

/** The file behind a link is not the one that was linked any more. */
export const fileChanged = () =>
  new RemoteExecError(
    "changed",
    "The file has changed or is gone since the link was made",
    "Ask for a new link",
  );

export const tooManyLinks = (limit: number) =>
  new RemoteExecError(
    "limit_reached",
    `${limit} download links are open, which is the limit`,
    "Wait until links expire, or end some with revoke_download_link (list_download_stats names them)",
  );

export const noSuchLink = (tokenId: string) =>
  new RemoteExecError(
    "not_found",
    `No open download link has the id ${tokenId}`,
    "Take the token_id of an open link from list_download_stats",
  );

export const portTaken = (host: string, port: number) =>
  new RemoteExecError(
    "configuration",
    `Cannot listen on ${host}:${port} for download links: the port is in use`,
    "Set DOWNLOAD_PORT to a free port, or leave it out to use any free one",
  );

export const cannotListen = (host: string, port: number, cause: unknown) =>
  new RemoteExecError(
    "configuration",
    `Cannot listen on ${host}:${port} for download links: ${errorText(cause)}`,
    "Check DOWNLOAD_HOST and DOWNLOAD_PORT: the address must belong to this machine",
    { cause },
  );

export const badCertificate = (cause: unknown) =>
  new RemoteExecError(
    "configuration",
    "The certificate of the download links cannot be used",
    "Check that DOWNLOAD_TLS_CERT and DOWNLOAD_TLS_KEY are PEM files that belong together",
    { cause },
  );

export const remoteNotConnected = () =>
  new RemoteExecError(
    "not_configured",
    "Links to files of the host are not available: no connection to the ssh module",
    'Use source "local"',
  );

export const containersNotConfigured = () =>
  new RemoteExecError(
    "not_configured",
    "Links into containers require the Proxmox plugin to be enabled",
    "Set ENABLE_PROXMOX=true, or leave ctid out",
  );

const megabytes = (bytes: number): string => {
  const value = bytes / 1_048_576;
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
};
