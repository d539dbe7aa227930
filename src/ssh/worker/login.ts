import type { StartedCommand } from "./commands/started_command.ts";
import type { HostConnection } from "./connection/connection.ts";
import type { HostTraits } from "./connection/host_traits.ts";
import type { ConnectionPool, SessionWait } from "./connection/pool.ts";
import { Sftp } from "./files/sftp/sftp.ts";
import { loginOfSftp } from "./files/sftp/sftp_login.ts";
import { noneIfUnsupported } from "./files/remote_file_errors.ts";
import { jobsForbidden, loginUnknown } from "./jobs/errors.ts";

/** Max time that a call waits for the guard of a new connection. */
export const GUARD_START_MS = 3_000;

/** Finds out whether commands of ours may run on the host before any does. */
export class HostLogin {
  readonly #traits: HostTraits;
  readonly #pool: ConnectionPool;

  constructor(traits: HostTraits, pool: ConnectionPool) {
    this.#traits = traits;
    this.#pool = pool;
  }

  /**
   * A file may be the first thing that a caller asks for; then SFTP shows whether the login is forced.
   * Returns whether a command of ours may run.
   */
  async learn(sftp: Sftp, connection: HostConnection): Promise<boolean> {
    const traits = this.#traits;
    if (traits.login !== "unknown") return traits.login === "free";
    const { login, isLinux, mayTry } = await loginOfSftp(sftp);
    if (isLinux) traits.isOnLinux();
    if (login === "free") traits.loginIsFree();
    else if (login === "forced") traits.loginIsForced();
    else await connection.probeLogin(GUARD_START_MS);
    return traits.mayRunOwn(mayTry);
  }

  /**
   * Reports whether the login is known to be free. Asks the host only where a forced command cannot be
   * started by that.
   */
  async isFree(wait: SessionWait): Promise<boolean> {
    if (this.#traits.login === "unknown") await this.#pool.probeLogin(wait, GUARD_START_MS);
    return this.#traits.login === "free";
  }

  /**
   * Starts a command of ours. Where nothing is known about the login, SFTP shows it, as for a file.
   *
   * @throws RemoteExecError `unsupported` if the login is forced
   */
  async startOwn(line: string, wait: SessionWait): Promise<StartedCommand> {
    if (!await this.isFree(wait) && !await this.#showsFree(wait)) {
      throw this.#traits.login === "forced" ? jobsForbidden() : loginUnknown();
    }
    return await this.#pool.start(line, wait, true);
  }

  async #showsFree(wait: SessionWait): Promise<boolean> {
    if (this.#traits.login !== "unknown") return false;
    const session = await this.#pool.sftp(wait).catch(noneIfUnsupported);
    return session !== undefined && await this.learn(new Sftp(session.sftp), session.connection);
  }
}
