import { errorText, oneLine, printable, RemoteExecError } from "../errors.ts";
import { megabytes } from "./messages.ts";
import type { PathErrors } from "../local/path_guard.ts";

/** The errors of the path guard, worded for callers of the link tools. */
export const linkPathErrors: PathErrors = {
  badPath: (path) => pathMissing(path.replaceAll("\0", "\\0")),
  homePath: (path) =>
    new RemoteExecError(
      "invalid_argument",
      `Path cannot start at the home directory: ${printable(path)}`,
      "Name the path relative to WORKING_DIRECTORY; write a name that begins with ~ as ./~",
    ),
  outside: (path) =>
    new RemoteExecError(
      "outside_directories",
      `Path is not within the working directory: ${printable(path)}`,
      "Name a file or directory inside WORKING_DIRECTORY",
    ),
  missing: (path) => pathMissing(path),
  ownFile: (path) =>
    new RemoteExecError(
      "not_permitted",
      `Path names a file of the server itself (configuration, key, known_hosts or audit log): ${
        printable(path)
      }`,
      "Choose another file; keep such files outside WORKING_DIRECTORY",
    ),
  notAFile: (path) => notLinkable(path),
  changed: () => fileChanged(),
  failed: (_action, path, cause) => readFailed(path, cause),
};

const pathMissing = (path: string) =>
  new RemoteExecError(
    "not_found",
    `Path does not exist: ${printable(path)}`,
    "Check the path; relative paths start at WORKING_DIRECTORY",
  );

function readFailed(path: string, cause: unknown): Error {
  if (cause instanceof Deno.errors.NotCapable) return linkPathErrors.outside(path);
  if (cause instanceof Deno.errors.PermissionDenied) {
    return new RemoteExecError(
      "not_permitted",
      `Cannot read ${printable(path)}`,
      "Check the owner and mode of the file and of its parent directories",
      { cause },
    );
  }
  return new RemoteExecError(
    "io_error",
    `Cannot read ${printable(path)}: ${oneLine(errorText(cause))}`,
    "Check the path and the disk of WORKING_DIRECTORY",
    { cause },
  );
}

export const notLinkable = (path: string) =>
  new RemoteExecError(
    "not_a_file",
    `Path is neither a regular file nor a directory: ${printable(path)}`,
    "Name a regular file or a directory",
  );

export const tooLarge = (what: "File" | "Directory", bytes: number, maxBytes: number) =>
  new RemoteExecError(
    "too_large",
    `${what} too large (${megabytes(bytes)}MB). Maximum allowed size is ${megabytes(maxBytes)}MB.`,
    "Raise DOWNLOAD_MAX_SIZE (bytes), or link only a part of it",
  );

export const tooManyEntries = (maxEntries: number) =>
  new RemoteExecError(
    "too_large",
    `Directory has more than ${maxEntries} entries`,
    "Link only a part of it, or pack it into one file first",
  );

export const directoryTooLarge = (maxBytes: number, maxEntries: number) =>
  new RemoteExecError(
    "too_large",
    `Directory too large: more than ${megabytes(maxBytes)}MB or ${maxEntries} entries`,
    "Raise DOWNLOAD_MAX_SIZE (bytes), or link only a part of it",
  );

export const withoutLength = (path: string) =>
  new RemoteExecError(
    "unsupported",
    `Cannot link ${printable(path)}: its length is unknown until it is read`,
    "Copy it to a regular file first, for example with ssh_exec_command, and link that file",
  );

export const readStalled = (path: string, stallMs: number) =>
  new RemoteExecError(
    "timeout",
    `Cannot link ${printable(path)}: reading it stalled for ${stallMs / 1000} seconds`,
    "Check whether the file ends, for example with ssh_exec_command; copy what is needed to a regular file",
  );

/** The file behind a link is not the linked one anymore. */
export const fileChanged = () =>
  new RemoteExecError(
    "changed",
    "The file has changed or is gone since the link was made",
    "Ask for a new link",
  );

export const tooManyLinks = (limit: number) =>
  new RemoteExecError(
    "limit_reached",
    `Cannot make a download link: ${limit} links are open, which is the max`,
    "Wait until links expire, or end some with revoke_download_link (list_download_stats lists them)",
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
    "Set DOWNLOAD_PORT to a free port, or leave it unset to use any free port",
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
    "Cannot use the TLS certificate of the download links",
    "Check that DOWNLOAD_TLS_CERT and DOWNLOAD_TLS_KEY are PEM files and a matching pair",
    { cause },
  );

export const remoteNotConnected = () =>
  new RemoteExecError(
    "not_configured",
    "Cannot link files of the host: there is no connection to the ssh worker",
    'Set source to "local"',
  );

export const containersNotConfigured = () =>
  new RemoteExecError(
    "not_configured",
    "Cannot link files in containers: the Proxmox module is off",
    "Set ENABLE_PROXMOX=true, or omit ctid",
  );
