import { join } from "node:path";
import { PACKAGE } from "./names.ts";
import type { Package } from "./packages.ts";
import { MIT, VENDORED } from "./vendored.ts";

/** Name of the file with the texts of all licenses. */
export const NOTICES = "THIRD_PARTY_LICENSES.txt";

const RULE = "=".repeat(80);
const LICENSE_FILE = /^(licen[cs]e|notice|copying)/i;

/** Returns the licenses of what is in the executable. They require to be passed on with it. */
export function notices(packages: readonly Package[], denoVersion: string): string {
  const deno = [
    RULE,
    `Deno ${denoVersion} (MIT), the runtime in the executable`,
    "Copyright 2018-2026 the Deno authors",
    `Its text and those of its libraries: https://github.com/denoland/deno/tree/v${denoVersion}`,
  ];
  const texts = packages.map((one) =>
    [RULE, `${one.name} ${one.version} (${one.license ?? "no license named"})`, "", textOf(one)]
      .join("\n")
  );
  const vendored = VENDORED.map(({ name, version, carrier, copyright }) =>
    `${RULE}\n${name} ${version} (MIT), inside ${carrier}\n\n${copyright}\n\n${MIT}`
  );
  return `Software in the executable of ${PACKAGE}\n\n${deno.join("\n")}\n\n${
    [...texts, ...vendored].join("\n\n")
  }\n`;
}

function textOf({ name, path }: Package): string {
  const files = [...Deno.readDirSync(path)].map((entry) => entry.name)
    .filter((file) => LICENSE_FILE.test(file)).sort();
  const texts = files.map((file) => Deno.readTextFileSync(join(path, file)).trimEnd());
  return texts.join("\n\n") || `The package has no text: https://www.npmjs.com/package/${name}`;
}
