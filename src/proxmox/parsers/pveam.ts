/** A template that can be downloaded. */
export interface AvailableTemplate {
  readonly section: string;
  readonly name: string;
}

/**
 * Parses `pveam available`, without header; 9.2 added a column with the architecture.
 *
 * Source: pve-manager 14a22df PVE/CLI/pveam.pm, `%-15s %s`; f6cfb6bd.
 */
export const parseAvailable = (stdout: string): AvailableTemplate[] =>
  stdout.split("\n").flatMap((line) => {
    const [, section, name] = /^(\S+) +(\S+)(?: +\S+)?\s*$/.exec(line) ?? [];
    return section === undefined || name === undefined ? [] : [{ section, name }];
  });

/** Parses one line of a download into its percentage. Source: wget with `--progress=dot:giga`. */
export function parseDownloadPercent(line: string): number | undefined {
  const percent = /^ *\d+K [. ]+(\d+)% /.exec(line)?.[1];
  return percent === undefined ? undefined : Number(percent);
}
