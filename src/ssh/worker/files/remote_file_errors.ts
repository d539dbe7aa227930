import { oneLine, printable, RemoteExecError, traversal } from "../../../errors.ts";
import { shellQuote } from "../../../shell/quote.ts";
import { posix } from "node:path";
// @ts-types="@types/ssh2"
import type { Attributes } from "ssh2";
import {
  endsInSlash,
  modeRefused,
  notAFile,
  remoteExists,
  remoteFileError,
  remoteMissing,
  tooLarge,
  verificationFailed,
} from "../../errors.ts";
import { mounted, notBeside } from "./in_place.ts";
import { fileKind } from "./sftp/sftp.ts";
import type { Endpoint } from "../../port.ts";

/** Checks a path on the host. @throws RemoteExecError `invalid_argument` for an empty path, NUL or `..` */
export function checkRemotePath(path: string): void {
  if (path === "" || path.includes("\0")) {
    throw new RemoteExecError(
      "invalid_argument",
      path === "" ? "Remote path cannot be empty" : "Remote path cannot contain NUL",
      "Name a file on the host",
    );
  }
  if (path.split("/").includes("..")) throw traversal();
}

/** Requires a regular file. @throws RemoteExecError `is_directory` or `not_a_file` */
export function requireFile(path: string, info: Attributes): void {
  const kind = fileKind(info.mode);
  if (kind !== "file") {
    throw notAFile("Remote", path, kind === "directory" ? "directory" : "special file");
  }
}

/** Resolves to the attributes, or to undefined if the path does not exist. */
export function orMissing(
  answer: Promise<Attributes>,
  path: string,
): Promise<Attributes | undefined> {
  return answer.catch((error) => {
    if ((error as { code?: unknown }).code === 2) return undefined; // SSH_FX_NO_SUCH_FILE
    throw remoteFileError("inspect", path, error);
  });
}

/** Returns the error for a path that could not be inspected or opened. */
export function missingOr(action: string, path: string, error: unknown): RemoteExecError {
  return (error as { code?: unknown }).code === 2
    ? remoteMissing(path)
    : remoteFileError(action, path, error);
}

/** Returns the error for a file that could not be created; "no such file" then means its directory. */
export function parentOr(path: string, error: unknown): RemoteExecError {
  if ((error as { code?: unknown }).code !== 2) return remoteFileError("write", path, error);
  const parent = posix.dirname(path);
  return new RemoteExecError(
    "not_found",
    `Cannot write ${printable(path)}: the directory ${
      printable(parent)
    } does not exist on the host`,
    `Create it first, for example with ssh_exec_command: mkdir -p ${shellQuote(parent)}`,
  );
}

/** Returns the error for a dangling link: writing through it would create a file elsewhere. */
export const danglingLink = (path: string) =>
  new RemoteExecError(
    "not_a_file",
    `Remote path is a dangling symbolic link: ${printable(path)}`,
    "Remove the link, or write to its target",
  );

/** A file that only a command on the host reaches. */
export type ShellEndpoint = Extract<Endpoint, { readonly kind: "shell" }>;

/** The label of the host itself, for files that its shell reaches. */
export const HOST_LABEL = "the host";

const within = ({ label }: ShellEndpoint): string =>
  label === HOST_LABEL ? "on the host" : `in ${label}`;

/** Returns the error for a directory list that failed. `said` is the command's stderr. */
export const listFailed = (end: ShellEndpoint, said: string): RemoteExecError =>
  new RemoteExecError(
    "io_error",
    `Cannot list ${printable(end.path)} ${within(end)}: ${
      said === "" ? "no error message" : oneLine(said)
    }`,
    "Check that `find` and `stat` are installed there",
  );

/** Returns the error for a program that a transfer needs and the endpoint lacks. */
export const toolMissing = ({ path, label }: ShellEndpoint, program: string): RemoteExecError =>
  new RemoteExecError(
    "unsupported",
    `Cannot transfer ${printable(path)}: ${label} has no program "${program}"`,
    `Install "${program}" there, or make it available in /usr/local/bin`,
  );

/** The file has another content than the caller has seen. */
export const changedMeanwhile = (path: string) =>
  new RemoteExecError(
    "changed",
    `${printable(path)} has changed: its content is not the expected one, so nothing was written`,
    "Read it again with ssh_read_file, then repeat the change on its current content",
  );

/** The file was replaced, or became shorter, while it was being read. */
export const changedWhileRead = (path: string) =>
  new RemoteExecError("changed", `${printable(path)} changed while it was being read`, "Try again");

/** The check failed, and something else changed the file while it ran. */
const changedInCheck = (path: string) =>
  new RemoteExecError(
    "changed",
    `The check failed, but ${
      printable(path)
    } was changed by something else while it ran; the old content was not put back`,
    "Read it with ssh_read_file, and decide what it should contain",
  );

/** The check failed, and the rename of the old file failed too. */
const notPutBack = (path: string) =>
  new RemoteExecError(
    "io_error",
    `The check failed, and the old content of ${
      printable(path)
    } could not be put back. It may be beside it, in a file whose name begins with ${
      printable(`.${posix.basename(path)}.`)
    } and ends in .old`,
    "Look at both files, and put the right one in place with a command",
  );

const notNamed = ({ path, label }: ShellEndpoint, said: string) =>
  new RemoteExecError(
    "io_error",
    `Cannot write ${printable(path)}: ${label} stored the content but could not give it this name${
      said === "" ? "" : `: ${oneLine(said)}`
    }`,
    "Check the name and the directory, and set overwrite=true if its file system has no hard links",
  );

const noParents = (end: ShellEndpoint, said: string) =>
  new RemoteExecError(
    /denied|not permitted|read-only/i.test(said) ? "not_permitted" : "io_error",
    `Cannot create the directory of ${printable(end.path)} ${within(end)}: ${oneLine(said)}`,
    "Check owner and mode of the directories above it",
  );

/** Returns the error for a script's output line `E KIND`. */
export function shellFileError(
  line: string,
  end: ShellEndpoint,
  maxBytes: number,
): RemoteExecError {
  const [, kind, detail = "", more = ""] = line.split(" ");
  const { path } = end;
  switch (kind) {
    case "missing":
      return remoteMissing(path);
    case "exists":
      return remoteExists(path);
    case "directory":
    case "special":
      return notAFile("Remote", path, kind === "directory" ? "directory" : "special file");
    case "large":
      return tooLarge("Remote file", Number(detail), maxBytes);
    case "dangling":
      return notAFile("Remote", path, "dangling symbolic link");
    case "parent":
      return new RemoteExecError(
        "not_found",
        `Cannot write ${printable(path)}: the directory ${
          printable(posix.dirname(path))
        } does not exist ${within(end)}`,
        `Create it first: mkdir -p ${shellQuote(posix.dirname(path))}`,
      );
    case "tool":
      return toolMissing(end, detail);
    case "slash":
      return endsInSlash(path);
    case "mount":
      return mounted(path);
    case "beside":
      return notBeside(path);
    case "mode":
      return modeRefused(path, Number.parseInt(more, 8), Number.parseInt(detail, 8));
    case "name":
      return notNamed(end, line.slice("E name ".length));
    case "denied":
      return new RemoteExecError(
        "not_permitted",
        `Permission denied ${within(end)}: ${printable(path)}`,
        "Check owner and mode of the file and its directory",
      );
    case "size":
    case "write":
      return new RemoteExecError(
        "disk_full",
        `Cannot write ${printable(path)}: ${end.label} did not store all of it (${
          detail || "no"
        } bytes were stored)`,
        "Check free space there with `df -h`, then try again",
      );
    case "changed":
      return changedMeanwhile(path);
    case "moved":
      return changedInCheck(path);
    case "kept":
      return notPutBack(path);
    case "makedir":
      return noParents(end, line.slice("E makedir ".length));
    case "undo":
      return new RemoteExecError(
        "unsupported",
        `Cannot keep the old content of ${printable(path)} for the time of the check`,
        "Call it without check, then run the check with a command",
      );
    case "hash":
      return verificationFailed(path, `sha256 ${detail} was stored`);
    default:
      return new RemoteExecError(
        "io_error",
        `Cannot use ${printable(path)} ${within(end)}: ${oneLine(line)}`,
        "Check the path there",
      );
  }
}

/** Some hosts offer SFTP but no commands, others commands but no SFTP. */
export function noneIfUnsupported(error: unknown): undefined {
  if (!(error instanceof RemoteExecError && error.code === "unsupported")) throw error;
}

export const unsupportedEnd = (endpoint: Endpoint) =>
  new RemoteExecError(
    "internal",
    `This call does not support ${endpoint.kind} files`,
    "Report this defect",
  );
