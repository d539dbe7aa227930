import { errorText, oneLine, printable, RemoteExecError } from "../../../../errors.ts";
import type { PathErrors } from "../../../../local/path_guard.ts";
import { notAFile } from "../../../errors.ts";

/** Returns the error of a failed operation on a local file, by what the system reported. */
export function localError(action: string, path: string, error: unknown): RemoteExecError {
  if (error instanceof RemoteExecError) return error;
  const text = errorText(error);
  if (error instanceof Deno.errors.NotCapable) return outside(path);
  if (error instanceof Deno.errors.PermissionDenied) {
    return new RemoteExecError(
      "not_permitted",
      `Cannot ${action} ${printable(path)}: permission denied on this machine`,
      "Check owner and mode of the file and its directory",
    );
  }
  if (/os error 28|ENOSPC|os error 122|EDQUOT/.test(text)) {
    return new RemoteExecError(
      "disk_full",
      `Cannot ${action} ${printable(path)}: no space left on this machine`,
      "Free space on the disk of WORKING_DIRECTORY",
    );
  }
  return new RemoteExecError(
    "io_error",
    `Cannot ${action} ${printable(path)}: ${oneLine(text)}`,
    "Check the path and the disk of WORKING_DIRECTORY",
    { cause: error },
  );
}

/** The local file or a directory of its path was replaced between check and use. */
export const changed = (path: string) =>
  new RemoteExecError(
    "changed",
    `Local file was replaced while it was opened: ${printable(path)}`,
    "Try again",
  );

const outside = (path: string) =>
  new RemoteExecError(
    "outside_directories",
    `Local path leads outside the allowed directories: ${printable(path)}`,
    "Use a path below WORKING_DIRECTORY, or add its directory to ALLOWED_DIRECTORIES",
  );

/** What the guard of local paths reports to callers of the file tools. */
export const localPathErrors: PathErrors = {
  badPath: (path) =>
    new RemoteExecError(
      "invalid_argument",
      path === "" ? "Local path cannot be empty" : "Local path cannot contain NUL",
      "Name a file",
    ),
  // A directory named `~` in the working directory is never what the caller means.
  homePath: (path) =>
    new RemoteExecError(
      "invalid_argument",
      `Local path cannot start at the home directory: ${printable(path)}`,
      "Name the file relative to WORKING_DIRECTORY, or by its absolute path; write a name that begins with ~ as ./~",
    ),
  outside,
  missing: (path) =>
    new RemoteExecError(
      "not_found",
      `Local file does not exist: ${printable(path)}`,
      "Check local_path; relative paths start at WORKING_DIRECTORY",
    ),
  ownFile: (path) =>
    new RemoteExecError(
      "not_permitted",
      `Local path names a file of the server itself (configuration, key, known_hosts or audit log): ${
        printable(path)
      }`,
      "Choose another path; keep such files outside WORKING_DIRECTORY",
    ),
  notAFile: (path, kind) => notAFile("Local", path, kind),
  changed,
  failed: localError,
};
