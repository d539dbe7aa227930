import { posix } from "node:path";
import { RemoteExecError } from "../../../errors.ts";
import { shellQuote } from "../../../shell/quote.ts";
import {
  notAFile,
  remoteExists,
  remoteMissing,
  tooLarge,
  verificationFailed,
} from "../../errors.ts";
import type { Endpoint } from "../../port.ts";

/** A file behind a command of the host. */
export type ShellEndpoint = Extract<Endpoint, { readonly kind: "shell" }>;

/** The list of a directory broke off. */
export const listFailed = ({ path, label }: ShellEndpoint, said: string): RemoteExecError =>
  new RemoteExecError(
    "io_error",
    `Cannot list ${path} in ${label}: ${said === "" ? "it said nothing" : said}`,
    "Check that `find` and `stat` are there",
  );

/** The error behind a script's line `E KIND`. */
export function shellFileError(
  line: string,
  end: ShellEndpoint,
  maxBytes: number,
): RemoteExecError {
  const [, kind, detail = ""] = line.split(" ");
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
      return notAFile("Remote", path, "symbolic link to nothing");
    case "parent":
      return new RemoteExecError(
        "not_found",
        `Cannot write ${path}: the directory ${posix.dirname(path)} does not exist in ${end.label}`,
        `Create it first: mkdir -p ${shellQuote(posix.dirname(path))}`,
      );
    case "slash":
      return new RemoteExecError(
        "invalid_argument",
        `Cannot write ${path}: the path ends in a slash`,
        "Give the name of the file, not only its directory",
      );
    case "name":
      return new RemoteExecError(
        "io_error",
        `Cannot write ${path}: ${end.label} took all of it, but not under this name`,
        "Set overwrite=true if its file system has no hard links, and check the directory",
      );
    case "denied":
      return new RemoteExecError(
        "not_permitted",
        `Permission denied in ${end.label}: ${path}`,
        "Check owner and mode of the file and its directory",
      );
    case "size":
    case "write":
      return new RemoteExecError(
        "disk_full",
        `Cannot write ${path}: ${end.label} did not take all of it (${
          detail || "no"
        } bytes were stored)`,
        "Check free space there with `df -h`, then try again",
      );
    case "hash":
      return verificationFailed(path, `sha256 ${detail} was stored`);
    default:
      return new RemoteExecError(
        "io_error",
        `Cannot use ${path} in ${end.label}: ${line}`,
        "Check the path there",
      );
  }
}
