import { onPath, type Peer, peer } from "../peers/require.ts";
import { projectFile } from "../support/project.ts";

const FOLDER = projectFile("tests/judges/programs");
const MCPB = `${FOLDER}/node_modules/.bin/mcpb`;

/** The program of the makers of Claude Desktop's bundles. */
export const BUNDLER: readonly Peer[] = [
  peer("node", onPath("node"), "nodejs"),
  { ...peer("mcpb", MCPB), install: "run `deno task judges`" },
];

/** How a client starts the server of a bundle. */
export interface BundleConfig {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What a user filled in. */
export type UserConfig = Readonly<Record<string, string | number | boolean>>;

/** Validates a manifest. @throws Error with what is wrong */
export const validateManifest = (path: string): Promise<string> => run(MCPB, "validate", path);

/** Unpacks a bundle into a directory. @throws Error when it is not valid */
export const unpackBundle = (bundle: string, directory: string): Promise<string> =>
  run(MCPB, "unpack", bundle, directory);

/** Returns how a client starts the server; undefined if something that is required was not filled in. */
export async function bundleConfig(
  manifest: unknown,
  extensionPath: string,
  userConfig: UserConfig,
): Promise<BundleConfig | undefined> {
  const options = JSON.stringify({ manifest, extensionPath, userConfig });
  const output = await run(`${FOLDER}/bundle_config.mjs`, options);
  // The script prints what the library returns.
  return (JSON.parse(output) as BundleConfig | null) ?? undefined;
}

async function run(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(onPath("node"), {
    args: [program, ...args],
    stdin: "null",
  }).output();
  const output = new TextDecoder().decode(stdout);
  if (!success) throw new Error(output + new TextDecoder().decode(stderr));
  return output;
}
