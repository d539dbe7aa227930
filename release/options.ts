import { resolve } from "node:path";
import { type Target, TARGETS } from "./targets.ts";

/** What `deno task release` was asked for. */
export interface Options {
  readonly targets: readonly Target[];
  /** Directory that gets the files. */
  readonly output: string;
  /** Executables that exist already, by target name. */
  readonly binaries: ReadonlyMap<string, string>;
  /** Address of the repository, if it is decided. */
  readonly repository: string | undefined;
  /** Compression level of the packages, 1 to 9. */
  readonly level: number;
}

const NAMES = TARGETS.map(({ name }) => name).join(", ");

/** How to call it. */
export const USAGE = `Usage: deno task release [OPTION]…

  --only=NAME,…        build for these systems only: ${NAMES}
  --binary=NAME=PATH   use this executable instead of compiling it; may be repeated
  --output=DIRECTORY   default: dist/release
  --repository=URL     address of the repository, instead of the one in release/names.ts
  --level=1…9          compression of the packages, default 6

Exit code: 0 if everything was built, 1 if nothing could be built, 2 for a wrong option,
3 if some systems are missing; the last lines say which and why.
`;

/** Parses the command line. @returns a sentence if it is wrong */
export function parseOptions(
  args: readonly string[],
  defaults: { readonly output: string; readonly repository: string | undefined },
): Options | string {
  let targets = TARGETS;
  let { output, repository } = defaults;
  let level = 6;
  const binaries = new Map<string, string>();
  for (const arg of args) {
    const [, option = arg, value = ""] = /^(--\w+)=(.+)$/s.exec(arg) ?? [];
    if (option === "--only") {
      const names = value.split(",");
      const unknown = names.find((name) => !isTarget(name));
      if (unknown !== undefined) return `unknown system "${unknown}": use ${NAMES}`;
      targets = TARGETS.filter(({ name }) => names.includes(name));
    } else if (option === "--binary") {
      const [name = "", path = ""] = value.split(/=(.*)/s);
      if (!isTarget(name) || path === "") return `--binary needs NAME=PATH: got "${value}"`;
      binaries.set(name, path);
    } else if (option === "--output") output = value;
    else if (option === "--repository") {
      if (!/^https:\/\/[\w.-]+\/[\w./-]*\w$/.test(value)) {
        return `--repository needs an https URL without a final slash: got "${value}"`;
      }
      repository = value;
    } else if (option === "--level" && /^[1-9]$/.test(value)) level = Number(value);
    else return `unknown option "${arg}"`;
  }
  return { targets, output: resolve(output), binaries, repository, level };
}

const isTarget = (wanted: string): boolean => TARGETS.some(({ name }) => name === wanted);
