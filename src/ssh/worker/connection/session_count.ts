/** OpenSSH's MaxSessions as it comes; learnt anew when the host allows fewer. */
const USUAL_SESSIONS = 10;

/**
 * OpenSSH frees a session only after it has read everything that came with the news of its end, so a
 * new one that comes right behind is refused. Source: measured on 9.2 with MaxSessions 1.
 */
const JUST_MS = 250;

/** What a refusal means: `later` it may work, `guard` it has to give way, `fewer` are allowed, `none` is. */
export type Refusal = "later" | "guard" | "fewer" | "none";

/** Counts the sessions of one connection and learns how many the host allows. */
export class SessionCount {
  #used = 0;
  #limit = USUAL_SESSIONS;
  #guards: 0 | 1 = 0;
  #freedAtMs = -Infinity;

  /** Nothing is open but the guard, if there is one. */
  get isIdle(): boolean {
    return this.#used <= this.#guards;
  }

  /** Takes a session if one is free. */
  take(): boolean {
    if (this.#used >= this.#limit) return false;
    this.#used++;
    return true;
  }

  /** For a session that was taken and never opened. */
  untake(): void {
    this.#used--;
  }

  giveBack(): void {
    this.#used--;
    this.#freedAtMs = performance.now();
  }

  takeForGuard(): void {
    this.#used++;
    this.#guards = 1;
  }

  giveBackGuard(): void {
    this.giveBack();
    this.#guards = 0;
  }

  /** To be called when the host refuses a session, before that one is given back. */
  refused(): Refusal {
    if (performance.now() - this.#freedAtMs < JUST_MS) return "later";
    if (this.#used === 1) return "none";
    const isGuardInTheWay = this.#used === 2 && this.#guards === 1;
    this.#limit = this.#used - 1;
    return isGuardInTheWay ? "guard" : "fewer";
  }
}
