// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { loginLine } from "../../../shell/login_line.ts";
import { asciiText } from "../../../shell/quote.ts";
import { valueWithin } from "../../../async/deadline.ts";

/** One process on the host as `PID:START`; the start time excludes a later process with the same pid. */
export type ProcessMark = string;

/**
 * A host with many processes that stops many commands at once needs longer for each: as long as its guard
 * answers other questions, it gets its time limit again, this often at most.
 */
const MAX_MORE_TIME = 5;

/** Talks to the guard, the script on the host that stops a connection's processes; see `SCRIPT` below. */
export class Guard {
  readonly #channel: ClientChannel;
  readonly #token: string;
  readonly #waiting = new Map<string, (reply: string | undefined) => void>();
  readonly #ready = Promise.withResolvers<boolean>();
  #serial = 0;
  #pid: string | undefined;
  #rest = "";
  #open = true;
  #hasSpoken = false;

  /** @param channel runs {@linkcode Guard.command} */
  constructor(channel: ClientChannel, token: string) {
    this.#channel = channel;
    this.#token = token;
    channel.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    channel.stderr.resume();
    channel.on("close", () => this.#end());
    channel.on("error", () => this.#end());
  }

  /** Returns a new random token, which marks the guard's output lines. */
  static token(): string {
    return `g${crypto.randomUUID().replaceAll("-", "")}`;
  }

  /** Returns the command that starts the guard. @param token letters and digits only */
  static command(token: string): string {
    return loginLine(SCRIPT, token);
  }

  /** The guard's process id on the host; undefined until it is ready. */
  get pid(): string | undefined {
    return this.#pid;
  }

  /** True if the script has run, whatever it found. */
  get hasSpoken(): boolean {
    return this.#hasSpoken;
  }

  /** Resolves to true when the guard runs; false if the host does not support it or does not answer in time. */
  async ready(limitMs: number): Promise<boolean> {
    return await valueWithin(this.#ready.promise, limitMs) ?? false;
  }

  /** Tells the guard to note the running processes, which it stops if the link is lost. Does not wait. */
  note(): void {
    this.#write("s");
  }

  /** Lists the connection's processes in start order, the guard included; undefined without an answer. */
  async list(limitMs: number): Promise<ProcessMark[] | undefined> {
    const reply = await this.#ask("l", "", limitMs);
    return reply?.split(" ").filter((mark) => mark !== "");
  }

  /**
   * Ends the POSIX session that a process leads: TERM, and KILL after one second. With `graceMs` there
   * is no KILL, and the guard waits that long for the end.
   *
   * @returns the number of processes still alive, -1 if the process does not lead a session, undefined
   *   if there was no answer
   */
  async end(mark: ProcessMark, limitMs: number, graceMs?: number): Promise<number | undefined> {
    const hundredths = graceMs === undefined ? "" : ` ${Math.ceil(graceMs / 10)}`;
    const waitMs = limitMs + (graceMs ?? 0);
    const reply = await this.#ask("k", ` ${mark}${hundredths}`, waitMs, MAX_MORE_TIME);
    return reply === undefined ? undefined : Number(reply);
  }

  /** Has the guard remove a file or directory if the connection ends before {@linkcode Guard.drop} is called for it. */
  keep(path: string): void {
    this.#write(`+${asciiText(path)}`);
  }

  /** Cancels {@linkcode Guard.keep}. */
  drop(path: string): void {
    this.#write(`-${asciiText(path)}`);
  }

  /** Ends everything that the connection runs. True if the guard confirms it in time. */
  async quit(limitMs: number): Promise<boolean> {
    return await this.#send("q", "q", limitMs) !== undefined;
  }

  #ask(
    verb: "l" | "k",
    rest: string,
    limitMs: number,
    moreTime = 0,
  ): Promise<string | undefined> {
    const key = `${verb} ${++this.#serial}`;
    return this.#send(key, `${key}${rest}`, limitMs, moreTime);
  }

  async #send(
    key: string,
    line: string,
    limitMs: number,
    moreTime = 0,
  ): Promise<string | undefined> {
    if (!this.#open) return undefined;
    const reply = new Promise<string | undefined>((resolve) => this.#waiting.set(key, resolve));
    this.#write(line);
    try {
      for (let rest = moreTime;; rest--) {
        const sign = rest > 0 ? this.list(limitMs) : undefined;
        const answer = await valueWithin(reply, limitMs);
        if (answer !== undefined || !this.#open || await sign === undefined) return answer;
      }
    } finally {
      this.#waiting.delete(key);
    }
  }

  #write(line: string): void {
    if (this.#open) this.#channel.write(`${line}\n`);
  }

  #receive(chunk: Uint8Array): void {
    const lines = (this.#rest + new TextDecoder().decode(chunk)).split("\n");
    this.#rest = (lines.pop() ?? "").slice(-65_536);
    for (const line of lines) {
      // A login shell may print something first, even on the same line.
      const at = line.indexOf(`${this.#token} `);
      if (at >= 0) this.#handle(line.slice(at + this.#token.length + 1));
    }
  }

  #handle(reply: string): void {
    const [verb = "", id = "", ...rest] = reply.split(" ");
    this.#hasSpoken = true;
    if (verb === "ready") {
      this.#pid = id;
      return this.#ready.resolve(true);
    }
    if (verb === "none") return this.#ready.resolve(false);
    const key = verb === "q" ? "q" : `${verb} ${id}`;
    this.#waiting.get(key)?.(rest.join(" "));
  }

  #end(): void {
    this.#open = false;
    this.#ready.resolve(false);
    for (const answer of this.#waiting.values()) answer(undefined);
  }
}

/**
 * Shell functions that end the processes of a POSIX session and check that they are gone. `st PID` sets
 * `state`, `sid` and `begun`; `finish SIDS TIME [TERM-ONLY]` sets `left`, the number of those still alive.
 */
export const SESSION_FUNCTIONS = [
  // Fields of /proc/PID/stat. The name in parentheses may contain anything, so count after the last ")".
  `st() { x=; while IFS= read -r y; do x="$x $y"; done < /proc/$1/stat || return 1; [ -n "$x" ] || return 1; set -- \${x##*) }; state=$1; sid=$4; begun=\${20}; };`,
  `add() { st $1 || return 0; case " $2 " in *" $sid "*) case $state in [ZX]*) ;; *) M="$M $1";; esac;; esac; };`,
  `last() { read -r x x x x b x < /proc/loadavg || b=0; };`,
  // A listed process may start another and end before it is looked at. So if none was found, all are
  // looked at that were started meanwhile, up to the newest pid.
  `members() { M=; last; a=$b; for d in /proc/[0-9]*; do add \${d#/proc/} "$1"; done; last; while [ -z "$M" ] && [ $a -lt $b ] && [ $((b-a)) -lt 5000 ]; do a=$((a+1)); add $a "$1"; [ $a -lt $b ] || last; done; };`,
  // Looking at all processes costs the host much more than looking at those that are known.
  `living() { o=$M; M=; for m in $o; do add $m "$1"; done; [ -n "$M" ] || members "$1"; };`,
  `nap() { sleep $1 || sleep 1; };`,
  // In hundredths of a second.
  `now() { read -r t x < /proc/uptime; t=\${t%.*}\${t#*.}; };`,
  // TERM and time for a clean end; then, if allowed, KILL in a loop, which also catches new forks.
  `finish() { members "$1"; [ -n "$M" ] && { kill -TERM $M; kill -CONT $M; }; now; s=$((t+100)); u=$((t+$2)); while living "$1"; [ -n "$M" ] && [ $t -lt $u ]; do if [ $t -lt $s ]; then nap 0.05; else nap 0.3; fi; now; done; u=$((t+200)); while [ -z "$3" ] && [ -n "$M" ] && [ $t -lt $u ]; do kill -KILL $M; nap 0.05; members "$1"; now; done; set -- $M; left=$#; };`,
].join(" ");

/**
 * The guard: a small script that runs on the host beside a connection's commands as long as the
 * connection lives. The commands' processes are its siblings: sshd starts the shell of every session
 * as a child of its own, as a session leader, in the order of the requests. So the commands need no
 * wrapper.
 *
 * Commands on stdin, one a line (PATH is encoded for `printf %b`):
 * - `s`: note the siblings
 * - `l ID`: list the siblings
 * - `k ID PID:START`: end that session; with a fourth word, a time in hundredths of a second, send no
 *   KILL and wait that long
 * - `+PATH`: remove the file when the guard ends; `-PATH`: do not
 * - `q`: end everything
 *
 * Output lines start with the token. At the end of stdin (the client quit, was killed, or lost its link)
 * the guard ends the sessions it noted last and removes the files.
 *
 * A process is identified by pid and start time, so a reused pid is never mistaken for it. Zombies do
 * not count as alive. Processes that detached themselves (`setsid`) are not stopped.
 *
 * Source: sshd session.c do_exec_no_pty (setsid in the child); proc(5) for `stat` and `children`.
 */
const SCRIPT = [
  `exec 2>/dev/null; trap "" HUP INT TERM PIPE; P=$PPID; T=$1; shift; L=;`,
  SESSION_FUNCTIONS,
  // Without a parent, which is also the guard's, the connection has ended: the last list counts.
  `note() { c=; IFS= read -r c < /proc/$P/task/$P/children; [ -n "$c" ] || return 0; n=; for k in $c; do e=; for o in $L; do case $o in $k:*) e=$o;; esac; done; [ -n "$e" ] || { st $k && e=$k:$begun; }; [ -n "$e" ] && n="$n $e"; done; L=$n; };`,
  // True if it is still the process that was noted and leads its own session.
  `same() { st \${1%%:*} && [ "$begun" = "\${1#*:}" ] && [ "$sid" = "\${1%%:*}" ]; };`,
  // Answers -1 if the process is not a session leader, because then this method does not apply.
  `end() { p=\${2%%:*}; left=0; if st $p; then if [ "$begun" = "\${2#*:}" ]; then if [ "$sid" = $p ]; then finish $p \${3:-100} $3; else left=-1; fi; fi; else finish $p \${3:-100} $3; fi; echo "$T k $1 $left"; };`,
  `note; case " $L" in *" $$:"*) echo "$T ready $$";; *) echo "$T none"; exit 0;; esac;`,
  `while IFS= read -r l; do case $l in`,
  `s) note;;`,
  `l*) note; echo "$T l \${l#l }$L";;`,
  `k*) ( end \${l#k } ) & ;;`,
  `+*) set -- "$@" "$(printf %b "\${l#+}")";;`,
  `-*) l=$(printf %b "\${l#-}"); for f do shift; [ "$f" = "$l" ] || set -- "$@" "$f"; done;;`,
  `q) note; break;;`,
  `esac; done;`,
  `S=; for e in $L; do [ "\${e%%:*}" = $$ ] || { same $e && S="$S \${e%%:*}"; }; done;`,
  // A client that quits waits at most two seconds for everything.
  `[ -n "$S" ] && ( finish "$S" 60 );`,
  `for f do rm -rf -- "$f"; done;`,
  `echo "$T q"`,
].join(" ");
