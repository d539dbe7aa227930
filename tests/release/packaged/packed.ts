import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { projectFile } from "../../support/project.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

/** The executable under test, if there is one. */
export const BINARY: string | undefined = Deno.env.get("MRE_BINARY");

/** A repository for what needs one; where the project is published is not decided. */
export const REPOSITORY = "https://github.com/someone/mcp-remote-exec";

/** The outcome of `deno task release`. */
export interface Released {
  readonly code: number;
  readonly output: string;
}

/** Runs `deno task release` with these options. */
export async function release(...options: string[]): Promise<Released> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "--quiet",
      "--no-check",
      projectFile("release/run.ts"),
      ...options,
    ],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

let made: Promise<string> | undefined;

/**
 * Returns the directory of a release of the executable under test: the one that MRE_RELEASE names, or one that is built
 * once for all tests of a file.
 */
export const packed = (): Promise<string> => made ??= pack();

async function pack(): Promise<string> {
  const given = Deno.env.get("MRE_RELEASE");
  if (given !== undefined) return given;
  const place = temporaryDirectory();
  addEventListener("unload", () => place[Symbol.dispose]());
  const directory = `${place.path}/release`;
  const options = ["--only=linux-x64", "--level=1", `--binary=linux-x64=${BINARY}`];
  const made = await release(...options, `--output=${directory}`, `--repository=${REPOSITORY}`);
  if (made.code !== 0) throw new Error(made.output);
  return directory;
}

/** Checks that a form carries exactly the executable that all other tests use. */
export function assertExecutable(path: string): void {
  const isSame = Buffer.compare(Deno.readFileSync(path), Deno.readFileSync(BINARY ?? "")) === 0;
  // A comparison by assert would print 120 MB.
  assert.ok(isSame, `${path} is another executable`);
}
