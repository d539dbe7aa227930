import { projectFile } from "../tests/support/project.ts";
import { downloadAddress } from "./names.ts";

/** The scripts that install an executable. */
export const INSTALLERS = ["install.sh", "install.ps1"] as const;

/** Where a script has its address, which is empty in the repository. */
const EMPTY = /^(\s*(?:default_url|\$defaultUrl) ?= ?)''$/m;

/**
 * Returns an installer that downloads from this release of a repository. Without one it asks for an address.
 *
 * @throws Error when the script has no place for the address
 */
export function installer(
  name: (typeof INSTALLERS)[number],
  repository: string | undefined,
): string {
  const text = Deno.readTextFileSync(projectFile(`release/${name}`));
  if (!EMPTY.test(text)) throw new Error(`${name} has no line for the address`);
  if (repository === undefined) return text;
  // The options allow no character that ends a quoted text.
  return text.replace(EMPTY, (_, start) => `${start}'${downloadAddress(repository)}'`);
}
