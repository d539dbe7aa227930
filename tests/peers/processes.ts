/** Returns pids of running processes (no zombies) whose command line or environment contains `text`. */
export function aliveWithMarker(text: string): number[] {
  return aliveWithText((all) => all.includes(text));
}

/**
 * Returns pids of running processes (no zombies) whose command line and environment `isWanted` accepts. Only
 * one look at each: a second one may find another program, or nothing.
 */
export function aliveWithText(isWanted: (text: string) => boolean): number[] {
  return aliveWhere((pid) => pid !== Deno.pid && isWanted(startTextOf(pid)));
}

/** Returns the command line and environment of every running process. */
export function runningTexts(): string[] {
  const texts: string[] = [];
  aliveWhere((pid) => texts.push(startTextOf(pid)) > 0);
  return texts;
}

/** Returns pids of running processes (no zombies) whose real uid is `uid`. */
export function processesOf(uid: number): number[] {
  const line = new RegExp(`^Uid:\\t${uid}\\t`, "m");
  return aliveWhere((pid) => line.test(readProc(pid, "status")));
}

/**
 * Kills processes and waits until they are dead. With `find`, repeats until it finds no process,
 * because others may be forked during the call.
 *
 * @throws Error if a process is still alive after 30 s
 */
export async function endProcesses(
  pids: readonly number[],
  find: () => readonly number[] = () => pids.filter(isAlive),
): Promise<void> {
  const giveUpAtMs = performance.now() + 30_000;
  for (let rest = pids; rest.length > 0; rest = find()) {
    if (performance.now() > giveUpAtMs) throw new Error(`Processes do not end: ${rest.join(" ")}`);
    rest.forEach((pid) => sendSignal(pid, "SIGKILL"));
    // Linux offers no event for the death of somebody else's child without a pidfd.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/**
 * Stops a process, and its descendants that `isWanted` accepts, so that none can fork.
 * Returns their pids, first that of the process itself.
 */
export function freezeFamily(root: number, isWanted: (pid: number) => boolean): number[] {
  let family = [root];
  for (;;) {
    family.forEach((pid) => sendSignal(pid, "SIGSTOP"));
    const found = [root, ...descendantsOf(root).filter(isWanted)];
    if (found.every((pid) => family.includes(pid))) return family;
    family = found;
  }
}

/** Returns the running descendants of a process. */
export function descendantsOf(root: number): number[] {
  const parents = new Map(alivePids().map((pid) => [pid, readStat(pid)?.parent]));
  const found = [root];
  for (const ancestor of found) {
    for (const [pid, parent] of parents) if (parent === ancestor) found.push(pid);
  }
  return found.slice(1);
}

/** Reports whether a process belongs to OpenSSH's server: "sshd", since 9.8 also "sshd-session" and others. */
export const isSshd = (pid: number): boolean => readStat(pid)?.name.startsWith("sshd") ?? false;

/** Returns a process's command line and environment. */
function startTextOf(pid: number): string {
  // They are empty for a moment while the process executes a program.
  for (let attempt = 0; attempt < 1_000; attempt++) {
    const text = readProc(pid, "cmdline") + readProc(pid, "environ");
    if (text !== "" || !/^[1-9]/.test(readProc(pid, "statm"))) return text;
  }
  return "";
}

const isAlive = (pid: number): boolean => readStat(pid) !== undefined;

const alivePids = (): number[] => pids().filter(isAlive);

/**
 * Returns the running processes that `isWanted` accepts. Lists again until no process is new, because a
 * listed one may start another and end before it is looked at.
 */
export function aliveWhere(isWanted: (pid: number) => boolean): number[] {
  const found: number[] = [];
  const seen = new Set<number>();
  for (let fresh = pids(); fresh.length > 0; fresh = pids().filter((pid) => !seen.has(pid))) {
    for (const pid of fresh) seen.add(pid);
    found.push(...fresh.filter((pid) => isAlive(pid) && isWanted(pid)));
  }
  return found;
}

function pids(): number[] {
  return [...Deno.readDirSync("/proc")].map((entry) => Number(entry.name)).filter(Number.isInteger);
}

/** The flag of the kernel's own threads. Source: Linux, include/linux/sched.h. */
const PF_KTHREAD = 0x00200000;

/** What the kernel says about a process. */
interface Stat {
  readonly name: string;
  readonly parent: number;
  readonly session: number;
  /** In ticks since the start of the machine; a later process with the same pid has another one. */
  readonly startedAt: string;
}

/** Returns undefined for a process that is gone, a zombie, or a thread of the kernel. */
export function readStat(pid: number): Stat | undefined {
  // The name may hold blanks and parentheses; the last parenthesis ends it.
  const [, name, rest = ""] = readProc(pid, "stat").match(/^\d+ \((.*)\) (.*)/s) ?? [];
  const [state, parent, , session, , , flags, ...more] = rest.split(" ");
  const startedAt = more[12];
  if (name === undefined || state === undefined || startedAt === undefined) return undefined;
  if ("ZX".includes(state) || (Number(flags) & PF_KTHREAD) !== 0) return undefined;
  return { name, parent: Number(parent), session: Number(session), startedAt };
}

/** Returns an empty text for a process that is gone or not readable. */
function readProc(pid: number, file: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${file}`);
  } catch {
    return "";
  }
}

/** Sends a signal to a process, which may have ended. */
export function sendSignal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

const isGone = (error: unknown): boolean =>
  error instanceof Deno.errors.NotFound || (error instanceof Error && /ESRCH/.test(error.message));
