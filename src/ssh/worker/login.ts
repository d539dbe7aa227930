import type { HostConnection } from "./connection/connection.ts";
import type { HostTraits } from "./connection/host_traits.ts";
import type { Sftp } from "./files/sftp.ts";
import { loginOfSftp } from "./files/sftp_login.ts";

/** Max time that a call waits for the guard of a new connection. */
export const GUARD_START_MS = 3_000;

/**
 * A file may be the first thing that a caller asks for; then SFTP shows whether the login is forced.
 * Returns whether a command of ours may run.
 */
export async function learnLogin(
  traits: HostTraits,
  sftp: Sftp,
  connection: HostConnection,
): Promise<boolean> {
  if (traits.login !== "unknown") return traits.login === "free";
  const { login, isLinux, mayTry } = await loginOfSftp(sftp);
  if (isLinux) traits.isOnLinux();
  if (login === "free") traits.loginIsFree();
  else if (login === "forced") traits.loginIsForced();
  else await connection.probeLogin(GUARD_START_MS);
  return traits.mayRunOwn(mayTry);
}
