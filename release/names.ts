import { PACKAGE, VERSION } from "../src/version.ts";

export { PACKAGE, VERSION } from "../src/version.ts";

/**
 * Address of the repository, such as `https://github.com/OWNER/NAME`. It is undefined until it is decided where the
 * project is published; what depends on it says so. `deno task release --repository=URL` sets another one.
 */
export const REPOSITORY: string | undefined = undefined;

/** Says why something that needs {@linkcode REPOSITORY} is missing. */
export const UNDECIDED =
  "the repository's address is not decided: set REPOSITORY in release/names.ts or use --repository=URL";

/** Returns the URL below which the files of a release are. Source: GitHub Docs, "Linking to releases". */
export const downloadAddress = (repository: string, version = VERSION): string =>
  `${repository}/releases/download/v${version}`;

/**
 * Returns the name in the MCP registry, undefined if none follows from the repository's address: the registry derives
 * who may use a name from an account of GitHub. Source: MCP registry, "Authentication".
 */
export function registryName(repository: string | undefined): string | undefined {
  const [, owner] = /^https:\/\/github\.com\/([\w-]+)\/[\w.-]+$/.exec(repository ?? "") ?? [];
  return owner === undefined ? undefined : `io.github.${owner}/${PACKAGE}`;
}
