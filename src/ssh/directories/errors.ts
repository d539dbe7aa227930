import { printable, RemoteExecError } from "../../errors.ts";

export const tooManyEntries = (where: string, path: string, maxEntries: number) =>
  new RemoteExecError(
    "too_large",
    `${where} directory ${printable(path)} has more than ${maxEntries} entries`,
    "Exclude what is not needed, copy its subdirectories one by one, or raise DIRECTORY_MAX_ENTRIES",
  );

export const tooManyBytes = (where: string, path: string, maxBytes: number) =>
  new RemoteExecError(
    "too_large",
    `${where} directory ${printable(path)} has more than ${maxBytes} bytes`,
    "Exclude what is not needed, copy its subdirectories one by one, or raise DIRECTORY_MAX_SIZE (bytes)",
  );

export const notADirectory = (where: string, path: string) =>
  new RemoteExecError(
    "invalid_argument",
    `${where} path is not a directory: ${printable(path)}`,
    "Name a directory; for one file use the file tools",
  );

export const directoryMissing = (where: string, path: string) =>
  new RemoteExecError(
    "not_found",
    `${where} directory does not exist or is not accessible: ${printable(path)}`,
    "Check the path",
  );

/** `delete` is not what the dry run has counted. */
export const otherDeleteCount = (given: number, found: number) =>
  new RemoteExecError(
    "invalid_argument",
    `delete is ${given}, but ${found} files exist only at the destination; nothing was changed`,
    "Call it with dry_run=true, look at `deleted`, then pass that number as delete",
  );

/** Nothing of the directory arrived. */
export const nothingArrived = (count: number, reason: string) =>
  new RemoteExecError(
    "io_error",
    `None of the ${count} differing entries could be copied; the first reason: ${
      printable(reason)
    }`,
    "Remove the reasons in `failed`, then try again",
  );

export const directoryProtocol = (seen: string) =>
  new RemoteExecError(
    "io_error",
    `The host sent an unexpected answer during the copy of a directory: ${printable(seen)}`,
    "Check that sh, find, stat, xargs and tar of the host work",
  );
