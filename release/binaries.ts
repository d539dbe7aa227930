import { flagsOf } from "../tests/support/project.ts";
import { systemOf } from "./executable.ts";
import { bundleOf, MODULES } from "./modules.ts";
import type { Staging } from "./staging.ts";
import type { Target } from "./targets.ts";

const HEAD_BYTES = 4096;
/** Where Deno's download site is. Without esbuild in its cache, a build also asks the npm registry. */
const DOWNLOAD_SITE = "dl.deno.land";

/** A target without a binary. */
export interface Missing {
  readonly target: Target;
  readonly reason: string;
}

/**
 * Compiles the program for a target with the flags of `deno task compile`.
 *
 * @returns why there is no binary; undefined if it was written
 */
export async function compile(
  target: Target,
  output: string,
  { tree, cache }: Pick<Staging, "tree" | "cache">,
): Promise<Missing | undefined> {
  const { DENORT_BIN: base, ...others } = Deno.env.toObject();
  const flags = flagsOf("compile").filter((flag) => !flag.startsWith("--output="));
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["compile", "--quiet", ...flags, `--target=${target.triple}`, `--output=${output}`]
      .concat(`${MODULES}/${bundleOf("main")}`),
    cwd: tree,
    clearEnv: true,
    env: {
      ...others,
      DENO_DIR: cache,
      // It is a base for this system only; for all others Deno has to download its own.
      ...(base !== undefined && isThisSystem(target) ? { DENORT_BIN: base } : {}),
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code !== 0) return { target, reason: reasonIn(new TextDecoder().decode(stderr)) };
  return wrongSystem(target, output);
}

/** Returns the reason why a file cannot be the binary of a target, undefined if it can. */
export function wrongSystem(target: Target, path: string): Missing | undefined {
  const head = new Uint8Array(HEAD_BYTES);
  using file = Deno.openSync(path);
  const length = file.readSync(head) ?? 0;
  const found = systemOf(head.subarray(0, length));
  if (found?.os === target.os && found.cpu === target.cpu) return undefined;
  const name = found === undefined ? "an unknown system" : `${found.os} ${found.cpu}`;
  return { target, reason: `the file is an executable for ${name}` };
}

const isThisSystem = ({ triple }: Target): boolean => triple === Deno.build.target;

/** Returns what ended the compiler, without its stack. */
export function reasonIn(stderr: string): string {
  const causes = stderr.split("Stack backtrace")[0] ?? "";
  const url = new RegExp(`https://${DOWNLOAD_SITE.replaceAll(".", "\\.")}/[^\\s)]+`).exec(causes);
  const lines = causes.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  if (url === null) return (lines[0] ?? "deno compile failed").replace(/^error: /, "");
  const last = (lines.at(-1) ?? "").replace(/^\d+: /, "");
  return `Deno's runtime base cannot be downloaded from ${url[0]}: ${last}`;
}
