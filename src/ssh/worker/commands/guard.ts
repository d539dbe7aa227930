// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { valueWithin } from "../../../async/deadline.ts";

/** One process of the host: its pid and its start time, as the guard writes them (`PID:START`). */
export type ProcessMark = string;

/** The near end of the guard; see `guard_script.ts` for what runs on the host. */
export class Guard {
  readonly #channel: ClientChannel;
  readonly #token: string;
  readonly #waiting = new Map<string, (reply: string | undefined) => void>();
  readonly #ready = Promise.withResolvers<boolean>();
  #serial = 0;
  #pid: string | undefined;
  #rest = "";
  #open = true;

  /** @param channel runs {@linkcode Guard.command} */
  constructor(channel: ClientChannel, token: string) {
    this.#channel = channel;
    this.#token = token;
    channel.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    channel.stderr.resume();
    channel.on("close", () => this.#end());
    channel.on("error", () => this.#end());
  }

  static token(): string {
    return `g${crypto.randomUUID().replaceAll("-", "")}`;
  }

  static command(token: string): string {
    return guardCommand(token);
  }

  /** Its own process id on the host, once it is ready. */
  get pid(): string | undefined {
    return this.#pid;
  }

  /** Whether the host can be guarded this way; false also when there is no answer in time. */
  async ready(limitMs: number): Promise<boolean> {
    return await valueWithin(this.#ready.promise, limitMs) ?? false;
  }

  /** Notes what runs now, so that it can be ended when the link is lost. Nothing is waited for. */
  note(): void {
    this.#write("s");
  }

  /** The connection's processes in the order in which they were started, this guard among them. */
  async list(limitMs: number): Promise<ProcessMark[] | undefined> {
    const reply = await this.#ask("l", "", limitMs);
    return reply?.split(" ").filter((mark) => mark !== "");
  }

  /**
   * Ends the session that a process leads: TERM, after a second KILL. With `graceMs` it is never killed,
   * and its end is waited for so long.
   *
   * @returns processes that are still alive, -1 when the process leads no session, or undefined
   *   when no answer came
   */
  async end(mark: ProcessMark, limitMs: number, graceMs?: number): Promise<number | undefined> {
    const hundredths = graceMs === undefined ? "" : ` ${Math.ceil(graceMs / 10)}`;
    const reply = await this.#ask("k", ` ${mark}${hundredths}`, limitMs + (graceMs ?? 0));
    return reply === undefined ? undefined : Number(reply);
  }

  /** Has a file removed when the connection ends before {@linkcode Guard.drop} is called for it. */
  keep(path: string): void {
    this.#write(`+${oneLine(path)}`);
  }

  drop(path: string): void {
    this.#write(`-${oneLine(path)}`);
  }

  /** Ends everything that the connection runs. True when the guard says that it is done. */
  async quit(limitMs: number): Promise<boolean> {
    return await this.#send("q", "q", limitMs) !== undefined;
  }

  #ask(verb: "l" | "k", rest: string, limitMs: number): Promise<string | undefined> {
    const key = `${verb} ${++this.#serial}`;
    return this.#send(key, `${key}${rest}`, limitMs);
  }

  async #send(key: string, line: string, limitMs: number): Promise<string | undefined> {
    if (!this.#open) return undefined;
    const reply = new Promise<string | undefined>((resolve) => this.#waiting.set(key, resolve));
    this.#write(line);
    return await valueWithin(reply, limitMs).finally(() => this.#waiting.delete(key));
  }

  #write(line: string): void {
    if (this.#open) this.#channel.write(`${line}\n`);
  }

  #receive(chunk: Uint8Array): void {
    const lines = (this.#rest + new TextDecoder().decode(chunk)).split("\n");
    this.#rest = (lines.pop() ?? "").slice(-65_536);
    for (const line of lines) {
      // A login shell may print things of its own first, even on the same line.
      const at = line.indexOf(`${this.#token} `);
      if (at >= 0) this.#handle(line.slice(at + this.#token.length + 1));
    }
  }

  #handle(reply: string): void {
    const [verb = "", id = "", ...rest] = reply.split(" ");
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

/** A path as `printf %b` gives it back. */
const oneLine = (path: string): string => path.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");

/**
 * The guard: a small program that runs on the host beside a connection's commands, for as long as
 * the connection lives. It knows the commands' processes because they are its siblings: sshd starts
 * every session's shell as its own child and as the leader of a session of its own, in the order in
 * which they were asked for. So nothing has to be added to the commands themselves.
 *
 * Lines on its stdin: `s` note the siblings · `l ID` list them · `k ID PID:START` end that session,
 * `k ID PID:START HUNDREDTHS` without KILL, waiting for so long · `+PATH` remove the file at the end · `-PATH` no longer (PATH as `printf %b` takes it) · `q` end everything.
 * Lines on its stdout start with its token. When stdin ends (the client quit, was killed, or lost its
 * link) it ends the sessions it last noted, if they are still the same processes, and removes the files.
 *
 * A process is told by pid and start time, so that a reused pid is never taken for it. Zombies do not
 * count as alive. What has left its session (`setsid`) is on its own.
 *
 * One line, without single quotes and `!`, so that every login shell (csh and fish too) hands it on.
 * Source: sshd session.c do_exec_no_pty (setsid in the child); proc(5) for `stat` and `children`.
 */
const SCRIPT = [
  `exec 2>/dev/null; trap "" HUP INT TERM PIPE; P=$PPID; T=$0; L=;`,
  // Fields of /proc/PID/stat; the name in parentheses may hold anything, so count from the last one.
  `st() { x=; while IFS= read -r y; do x="$x $y"; done < /proc/$1/stat || return 1; [ -n "$x" ] || return 1; set -- \${x##*) }; state=$1; sid=$4; begun=\${20}; };`,
  `note() { c=; IFS= read -r c < /proc/$P/task/$P/children; n=; for k in $c; do e=; for o in $L; do case $o in $k:*) e=$o;; esac; done; [ -n "$e" ] || { st $k && e=$k:$begun; }; [ -n "$e" ] && n="$n $e"; done; L=$n; };`,
  `members() { M=; for d in /proc/[0-9]*; do st \${d#/proc/} || continue; case " $1 " in *" $sid "*) case $state in [ZX]*) ;; *) M="$M \${d#/proc/}";; esac;; esac; done; };`,
  `nap() { sleep $1 || sleep 1; };`,
  // Hundredths of a second.
  `now() { read -r t x < /proc/uptime; t=\${t%.*}\${t#*.}; };`,
  // Some time for a clean end, then KILL until nothing is left (what forks is met again), if it may be.
  `finish() { members "$1"; [ -n "$M" ] && { kill -TERM $M; kill -CONT $M; }; now; s=$((t+100)); u=$((t+$2)); while members "$1"; [ -n "$M" ] && [ $t -lt $u ]; do if [ $t -lt $s ]; then nap 0.05; else nap 0.3; fi; now; done; u=$((t+200)); while [ -z "$3" ] && [ -n "$M" ] && [ $t -lt $u ]; do kill -KILL $M; nap 0.05; members "$1"; now; done; set -- $M; left=$#; };`,
  // What is still the process that was noted, and leads its own session.
  `same() { st \${1%%:*} && [ "$begun" = "\${1#*:}" ] && [ "$sid" = "\${1%%:*}" ]; };`,
  // -1: not a session leader, so this way of ending it does not apply.
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
  // The program that quits has two seconds for everything.
  `[ -n "$S" ] && ( finish "$S" 60 );`,
  `for f do rm -f -- "$f"; done;`,
  `echo "$T q"`,
].join(" ");

/** The command that starts the guard; its lines begin with `token` (letters and digits only). */
export const guardCommand = (token: string): string => `exec sh -c '${SCRIPT}' ${token}`;
