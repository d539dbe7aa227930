import { projectFile } from "../../support/project.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

/** The outcome of `deno task release` for the executable under test. */
export interface Packed {
  readonly code: number;
  readonly output: string;
  /** Directory with the files of the release. */
  readonly directory: string;
}

/** The executable under test, if there is one. */
export const BINARY: string | undefined = Deno.env.get("MRE_BINARY");

/** A repository for what needs one; where the project is published is not decided. */
export const REPOSITORY = "https://github.com/someone/mcp-remote-exec";

let made: Promise<Packed> | undefined;

/** Returns the release of the executable under test. It is built once for all tests of a file. */
export const packed = (): Promise<Packed> => made ??= pack();

async function pack(): Promise<Packed> {
  const place = temporaryDirectory();
  addEventListener("unload", () => place[Symbol.dispose]());
  const directory = `${place.path}/release`;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--allow-all", "--quiet", "--no-check", projectFile("release/run.ts")],
      ...["--only=linux-x64,macos-arm64", `--output=${directory}`, "--level=1"],
      ...[`--binary=linux-x64=${BINARY}`, `--binary=macos-arm64=${BINARY}`],
      `--repository=${REPOSITORY}`,
    ],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stdout) + decoder.decode(stderr), directory };
}
