/** OpenSSH's MaxSessions as it comes; learnt anew when the host allows fewer. */
const USUAL_SESSIONS = 10;

/** Counts the sessions of one connection and learns how many the host allows. */
export class SessionCount {
  #used = 0;
  #limit = USUAL_SESSIONS;
  #guards: 0 | 1 = 0;

  /** Nothing is open but the guard, if there is one. */
  get isIdle(): boolean {
    return this.#used <= this.#guards;
  }

  /** There is one session and no more. */
  get isAlone(): boolean {
    return this.#used === 1;
  }

  /** Takes a session if one is free. */
  take(): boolean {
    if (this.#used >= this.#limit) return false;
    this.#used++;
    return true;
  }

  giveBack(): void {
    this.#used--;
  }

  takeForGuard(): void {
    this.#used++;
    this.#guards = 1;
  }

  giveBackGuard(): void {
    this.#used--;
    this.#guards = 0;
  }

  /**
   * To be called when the host refuses a session, before that one is given back. True when the guard
   * has to give way, because the host allows one session only.
   */
  learn(): boolean {
    const isGuardInTheWay = this.#used === 2 && this.#guards === 1;
    this.#limit = Math.max(1, this.#used - 1);
    return isGuardInTheWay;
  }
}
