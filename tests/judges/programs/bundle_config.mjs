// Prints the command and the variables with which the makers of the bundle format start a server. Run by
// tests/judges/bundles.ts with a manifest, the directory of the bundle and what a user filled in, as JSON.
import { createRequire } from "node:module";
import process from "node:process";

// `deno check` does not find packages that only this folder's deno.json names.
const { getMcpConfigForManifest } = createRequire(import.meta.url)("@anthropic-ai/mcpb");

const config = await getMcpConfigForManifest({
  ...JSON.parse(process.argv[2]),
  systemDirs: {},
  pathSeparator: "/",
});
process.stdout.write(JSON.stringify(config ?? null));
