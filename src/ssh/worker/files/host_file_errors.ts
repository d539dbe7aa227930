import { shellQuote } from "../../../shell/quote.ts";
import { posix } from "node:path";
// @ts-types="@types/ssh2"
import type { Attributes } from "ssh2";
import { RemoteExecError } from "../../../errors.ts";
import { notAFile, remoteFileError, remoteMissing } from "../../errors.ts";
import { fileKind } from "./sftp.ts";

/** Only regular files are read and written. @throws RemoteExecError `is_directory` or `not_a_file` */
export function requireFile(path: string, info: Attributes): void {
  const kind = fileKind(info.mode);
  if (kind !== "file") {
    throw notAFile("Remote", path, kind === "directory" ? "directory" : "special file");
  }
}

/** The answer, or undefined when nothing is there. */
export function orMissing(
  answer: Promise<Attributes>,
  path: string,
): Promise<Attributes | undefined> {
  return answer.catch((error) => {
    if ((error as { code?: unknown }).code === 2) return undefined; // SSH_FX_NO_SUCH_FILE
    throw remoteFileError("look at", path, error);
  });
}

/** What a failure of looking at a path or opening it means. */
export function missingOr(action: string, path: string, error: unknown): RemoteExecError {
  return (error as { code?: unknown }).code === 2
    ? remoteMissing(path)
    : remoteFileError(action, path, error);
}

/** What a failure of making a file means: when something is missing, it is the directory. */
export function parentOr(path: string, error: unknown): RemoteExecError {
  if ((error as { code?: unknown }).code !== 2) return remoteFileError("write", path, error);
  const parent = posix.dirname(path);
  return new RemoteExecError(
    "not_found",
    `Cannot write ${path}: the directory ${parent} does not exist on the host`,
    `Create it first, for example with ssh_exec_command: mkdir -p ${shellQuote(parent)}`,
  );
}

/** Writing through a link to nothing would make a file elsewhere. */
export const danglingLink = (path: string) =>
  new RemoteExecError(
    "not_a_file",
    `Remote path is a symbolic link to nothing: ${path}`,
    "Remove the link, or write to its target",
  );
