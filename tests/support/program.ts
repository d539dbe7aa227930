import { flagsOf, projectFile } from "./project.ts";

/**
 * The command line that starts the program: the binary that MRE_BINARY names, else main.ts with
 * exactly the flags of `deno task start`.
 *
 * @param entry another module of the tree in place of main.ts; always run from source
 */
export function programCommand(entry = "main.ts"): { path: string; args: string[] } {
  const binary = Deno.env.get("MRE_BINARY");
  if (binary !== undefined && entry === "main.ts") return { path: binary, args: [] };
  return { path: Deno.execPath(), args: ["run", ...flagsOf("start"), projectFile(entry)] };
}

/** What the runtime itself needs of the environment, so that a child can be given nothing else. */
export function runtimeEnvironment(): Record<string, string> {
  return { DENO_DIR: cacheDirectory(), NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
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

/** How a run of the program ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Bytes for stdin, which then ends. Without it stdin is at its end at once. */
  readonly stdin?: string;
}

/** Runs the program with a command line to its end. Only `env` reaches it of the environment. */
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
