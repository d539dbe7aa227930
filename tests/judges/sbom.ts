import { onPath, type Peer, peer } from "../peers/require.ts";
import { projectFile } from "../support/project.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const FOLDER = projectFile("tests/judges/programs");

/** The validator of CycloneDX's authors. */
export const VALIDATOR: readonly Peer[] = [
  peer("node", onPath("node"), "nodejs"),
  {
    ...peer("CycloneDX's validator", `${FOLDER}/node_modules/@cyclonedx/cyclonedx-library`),
    install: "run `deno task judges`",
  },
];

/** Returns what the validator finds wrong with a document, as JSON; empty if nothing. */
export async function validateSbom(document: unknown): Promise<string> {
  using place = temporaryDirectory();
  const path = `${place.path}/sbom.json`;
  Deno.writeTextFileSync(path, JSON.stringify(document));
  const { success, stdout, stderr } = await new Deno.Command(onPath("node"), {
    args: [`${FOLDER}/validate_sbom.mjs`, path],
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
