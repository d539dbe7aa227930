/**
 * Parses the reason of a failed migration from its log; undefined if there is none.
 *
 * Source: pve-guest-common 4a8f6cb src/PVE/AbstractMigrate.pm. `finished with problems` has its reason in the lines
 * before.
 */
export function parseMigrationFailure(stdout: string): string | undefined {
  const lines = stdout.split("\n").map((line) => line.replace(STAMP, "").trim());
  const aborted = lines.findLast((line) => /^ERROR: migration aborted /.test(line));
  if (aborted !== undefined) return aborted.replace(/^ERROR: migration aborted \(.*?\): /, "");
  const end = lines.findLastIndex((line) => /^ERROR: migration finished with problems/.test(line));
  if (end < 0) return undefined;
  return lines.slice(0, end).findLast((line) => line !== "") ?? "it finished with problems";
}

const STAMP = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d /;
