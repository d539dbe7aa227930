import { errorText, RemoteExecError } from "../../../errors.ts";

/** What this machine said about a file, as a person reads it. */
export function localError(action: string, path: string, error: unknown): RemoteExecError {
  if (error instanceof RemoteExecError) return error;
  const text = errorText(error);
  if (error instanceof Deno.errors.NotCapable) return outside(path);
  if (error instanceof Deno.errors.PermissionDenied) {
    return new RemoteExecError(
      "not_permitted",
      `Cannot ${action} ${path}: permission denied on this machine`,
      "Check owner and mode of the file and its directory",
    );
  }
  if (/os error 28|ENOSPC|os error 122|EDQUOT/.test(text)) {
    return new RemoteExecError(
      "disk_full",
      `Cannot ${action} ${path}: no space left on this machine`,
      "Free space on the disk of WORKING_DIRECTORY",
    );
  }
  return new RemoteExecError(
    "io_error",
    `Cannot ${action} ${path}: ${text}`,
    "Check the path and the disk of WORKING_DIRECTORY",
    { cause: error },
  );
}

export const localMissing = (path: string) =>
  new RemoteExecError(
    "not_found",
    `Local file does not exist: ${path}`,
    "Check local_path; relative paths start at WORKING_DIRECTORY",
  );

export const changed = (path: string) =>
  new RemoteExecError(
    "changed",
    `Local file was replaced while it was opened: ${path}`,
    "Try again",
  );

export const badPath = (path: string) =>
  new RemoteExecError(
    "invalid_argument",
    path === "" ? "Local path cannot be empty" : "Local path cannot contain NUL",
    "Name a file",
  );

/** A directory named `~` in the working directory is what nobody means. */
export const homePath = (path: string) =>
  new RemoteExecError(
    "invalid_argument",
    `Local path cannot start at the home directory: ${path}`,
    "Name the file relative to WORKING_DIRECTORY, or by its absolute path; a name that begins with ~ is written ./~",
  );

export const outside = (path: string) =>
  new RemoteExecError(
    "outside_directories",
    `Local path leads outside the allowed directories: ${path}`,
    "Use a path below WORKING_DIRECTORY, or add its directory to ALLOWED_DIRECTORIES",
  );

/** Configuration, keys and logs are not the caller's to read or replace, wherever they lie. */
export const ownFile = (path: string) =>
  new RemoteExecError(
    "not_permitted",
    `Local path names a file of the server itself (configuration, key, known_hosts or audit log): ${path}`,
    "Choose another path; keep such files outside WORKING_DIRECTORY",
  );
