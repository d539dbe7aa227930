import { RemoteExecError, traversal } from "../../../errors.ts";

/** @throws RemoteExecError `invalid_argument` for an empty path, NUL or a `..` component */
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
