/**
 * Whether the host runs a command of its own choice instead of what is requested (`command=` in
 * authorized_keys, `ForceCommand`). `free`: it runs what is requested.
 */
export type LoginKind = "unknown" | "free" | "forced";

/** OpenSSH's default MaxSessions. Lowered when a host allows fewer. */
const DEFAULT_MAX_SESSIONS = 10;

/**
 * Linux runs no program with an argument or a variable of more than 131,072 bytes, its final NUL included
 * (MAX_ARG_STRLEN; 32 pages, so more on the few machines with larger pages).
 */
const PADDED_BYTES = 131_060;

/**
 * Pads a command so that sshd on Linux can start it as requested, but cannot start a forced command
 * instead, because that gets the request in a variable with a name of 21 characters more
 * (`SSH_ORIGINAL_COMMAND=`). So nothing runs on a host where the login is forced.
 *
 * Source: execve(2); sshd session.c do_setup_env, do_child.
 */
export const padded = (command: string): string => command.padEnd(PADDED_BYTES);

/**
 * What this process has learned about the host. All its connections share it, so a new connection
 * does not try again what the host cannot do.
 */
export class HostTraits {
  readonly #isGuardWanted: boolean;
  readonly #listeners = new Set<() => void>();
  #login: LoginKind = "unknown";
  #isOpenSsh = false;
  #isLinux = false;
  #sessionLimit = DEFAULT_MAX_SESSIONS;

  /** @param isGuardWanted false if the configuration turns the guard off */
  constructor(isGuardWanted = true) {
    this.#isGuardWanted = isGuardWanted;
  }

  get login(): LoginKind {
    return this.#login;
  }

  /** Max sessions on one connection. */
  get sessionLimit(): number {
    return this.#sessionLimit;
  }

  /** True if a guard makes sense on this host, unless its login turns out to be forced. */
  get mayGuard(): boolean {
    return this.#isGuardWanted && this.#isOpenSsh && this.#login !== "forced" &&
      this.#sessionLimit > 1;
  }

  /** Reports whether a command of ours may run. @param mayTry used while the login is unknown */
  mayRunOwn(mayTry: boolean): boolean {
    return this.#login === "free" || this.#login === "unknown" && mayTry;
  }

  /** True if the guard itself finds out whether the login is forced; see {@linkcode padded}. */
  get guardMayProbe(): boolean {
    return this.mayGuard && this.#login === "unknown" && this.#isLinux;
  }

  /** Learns from the software version that the host has sent, such as `OpenSSH_9.2p1 Debian-2`. */
  meet(software: string): void {
    // The guard needs sshd's way of starting commands, and /proc.
    this.#isOpenSsh = /^OpenSSH_(?!for_Windows)/i.test(software);
    this.#isLinux = /Debian|Ubuntu|Raspbian/.test(software);
    // A second session ends the connection and the command that runs on it.
    if (/^tinyssh/i.test(software)) this.limitSessions(1);
  }

  /** Records that the host runs Linux with pages of 4 KiB, on which {@linkcode padded} works. */
  isOnLinux(): void {
    this.#isLinux = true;
  }

  /** Records that only the host's name is OpenSSH. No guard runs on such hosts. */
  isNoOpenSsh(): void {
    if (!this.#isOpenSsh) return;
    this.#isOpenSsh = false;
    this.#changed();
  }

  /** Records that commands run as requested. A forced login stays forced. */
  loginIsFree(): void {
    if (this.#login !== "unknown") return;
    this.#login = "free";
    this.#changed();
  }

  /** Records that the host does not run what is requested. From then on nothing of ours is executed. */
  loginIsForced(): void {
    if (this.#login === "forced") return;
    this.#login = "forced";
    this.#changed();
  }

  /** Records that the host allows only so many sessions on one connection. */
  limitSessions(count: number): void {
    if (count >= this.#sessionLimit) return;
    this.#sessionLimit = Math.max(1, count);
    this.#changed();
  }

  /** Records that a connection ended when another session was requested on it. */
  limitedByLoss(): void {
    // OpenSSH refuses a session and keeps the connection, so there the loss had another cause.
    if (!this.#isOpenSsh) this.limitSessions(1);
  }

  /** Calls the listener after each change. Returns a function that removes it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
