import { resolve } from "node:path";
import { flagsOf, projectFile } from "./project.ts";

/**
 * Returns the command line that starts the program: the binary that MRE_BINARY names, or main.ts with the
 * flags of `deno task start`, and without downloads.
 *
 * @param entry a module to run from source in place of main.ts
 */
export function programCommand(entry = "main.ts"): { path: string; args: string[] } {
  const binary = Deno.env.get("MRE_BINARY");
  if (binary !== undefined && entry === "main.ts") return { path: resolve(binary), args: [] };
  return {
    path: Deno.execPath(),
    args: ["run", "--cached-only", ...flagsOf("start"), projectFile(entry)],
  };
}

/**
 * Returns the variables that the runtime needs, for a child that gets no others. The SSH configuration of
 * this machine must not change a test.
 */
export function runtimeEnvironment(): Record<string, string> {
  const runtime = { DENO_DIR: cacheDirectory(), NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
  return { ...runtime, SSH_CONFIG: "none" };
}

/** Source: Deno 2.9 manual, "DENO_DIR". */
function cacheDirectory(): string {
  const [given, cache, home] = ["DENO_DIR", "XDG_CACHE_HOME", "HOME"].map((name) =>
    Deno.env.get(name) || undefined
  );
  if (given !== undefined) return given;
  if (Deno.build.os === "darwin") return `${home}/Library/Caches/deno`;
  return `${cache ?? `${home}/.cache`}/deno`;
}

/** The outcome of a run of the program. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** The complete stdin; empty by default. */
  readonly stdin?: string;
}

/** Runs the program to its end. Its environment is only `env`. */
export async function runProgram(
  args: readonly string[],
  { env = {}, cwd, stdin = "" }: RunOptions,
): Promise<Ended> {
  const { path, args: first } = programCommand();
  const child = new Deno.Command(path, {
    args: [...first, ...args],
    cwd,
    env: { ...runtimeEnvironment(), ...env },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const feeding = feed(child.stdin, stdin);
  const { code, stdout, stderr } = await child.output();
  await feeding;
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function feed(input: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = input.getWriter();
  try {
    if (text !== "") await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // The program may end without reading its input.
  }
}
