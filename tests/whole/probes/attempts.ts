import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

/** The targets of an attacker in an isolate. Each attempt needs a different permission. */
export interface Target {
  /** `host:port` that the isolate may reach, and one that it may not. */
  readonly host: string;
  readonly port: number;
  readonly otherPort: number;
  /** A file and a directory that exist and that the isolate must not access. */
  readonly file: string;
  readonly directory: string;
}

type Attempt = (target: Target) => unknown;

/** The attempts, by the name that tests expect in the result. */
export const ATTEMPTS: Readonly<Record<string, Attempt>> = {
  "net: another port": async ({ host, otherPort }) =>
    (await Deno.connect({ hostname: host, port: otherPort })).close(),
  "net: another host": async ({ port }) =>
    (await Deno.connect({ hostname: "127.0.0.2", port })).close(),
  "net: fetch": async ({ host, otherPort }) => {
    await (await fetch(`http://${host}:${otherPort}/`)).body?.cancel();
  },
  "net: listen": ({ host }) => Deno.listen({ hostname: host, port: 0 }).close(),
  "net: name server": () => Deno.resolveDns("localhost", "A"),
  "net: unix socket": ({ directory }) =>
    Deno.connect({ transport: "unix", path: `${directory}/socket` }),
  "read: a file": ({ file }) => Deno.readTextFileSync(file),
  "read: a file, through node:fs": ({ file }) => readFileSync(file),
  "read: a directory": ({ directory }) => [...Deno.readDirSync(directory)],
  "read: what is at a path": ({ file }) => Deno.statSync(file),
  "write: a file": ({ directory }) => Deno.writeTextFileSync(`${directory}/new`, "x"),
  "write: a file, through node:fs": ({ directory }) => writeFileSync(`${directory}/new`, "x"),
  "write: remove": ({ file }) => Deno.removeSync(file),
  "write: a link": ({ directory }) => Deno.symlinkSync("/etc", `${directory}/link`),
  "env: one variable": () => Deno.env.get("HOME"),
  "env: all": () => Deno.env.toObject(),
  "run: a program": () => new Deno.Command("/bin/true").outputSync(),
  "run: a program, through node": () => {
    const { error } = spawnSync("/bin/true");
    if (error) throw error;
  },
  "run: a signal": () => Deno.kill(Deno.ppid, "SIGCONT"),
  "sys: name of the machine": () => Deno.hostname(),
  "sys: users": () => Deno.uid(),
  "ffi: a library": () => Deno.dlopen("/lib/x86_64-linux-gnu/libc.so.6", {}).close(),
  "import: a module of the disk": async ({ file }) => {
    const address = `file://${file}`; // in a variable, so that it is not part of the module graph
    await import(address);
  },
};

/** Tries everything. Returns `refused` where the runtime refused, otherwise what happened. */
export async function tryEverything(target: Target): Promise<Record<string, string>> {
  const results: Record<string, string> = {};
  for (const [name, attempt] of Object.entries(ATTEMPTS)) {
    results[name] = await outcomeOf(attempt, target);
  }
  return results;
}

async function outcomeOf(attempt: Attempt, target: Target): Promise<string> {
  try {
    await attempt(target);
    return "POSSIBLE";
  } catch (error) {
    if (isRefusal(error)) return "refused";
    return String(error);
  }
}

function isRefusal(error: unknown): boolean {
  if (error instanceof Deno.errors.NotCapable) return true;
  // node:fs and dynamic imports wrap the runtime's error.
  return error instanceof Error && /Requires \w+ access|NotCapable/.test(`${error} ${error.cause}`);
}
