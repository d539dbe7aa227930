/** What `vzdump` writes, as values. Pure. */

/** How far a backup has come. */
export interface BackupLog {
  /** The archive as the log names it: a path, or a name on a backup server. */
  readonly archive?: string;
  /** What was to be backed up. */
  readonly kind?: "lxc" | "qemu";
  /** Why it failed, in its own words. */
  readonly failure?: string;
  readonly finished: boolean;
  readonly warnings: readonly string[];
}

/**
 * Reads the log on vzdump's stdout. A guest of another node is passed over in silence: an empty log with
 * exit code 0.
 *
 * Source: pve-manager 14a22df PVE/VZDump.pm:1060-1492.
 */
export function parseBackupLog(stdout: string): BackupLog {
  const archive = /^INFO: creating (?:vzdump|Proxmox Backup Server) archive '(.*)'$/m.exec(stdout)
    ?.[1];
  const kind = /^INFO: Starting Backup of VM \d+ \((lxc|qemu)\)$/m.exec(stdout)?.[1];
  const failure = /^ERROR: Backup of VM \d+ failed - (.*)$/m.exec(stdout)?.[1];
  return {
    ...(archive === undefined ? {} : { archive }),
    ...(kind === "lxc" || kind === "qemu" ? { kind } : {}),
    ...(failure === undefined ? {} : { failure }),
    finished: /^INFO: Backup job finished successfully$/m.test(stdout),
    warnings: stdout.split("\n").filter((line) => /^WARN(ING)?: /.test(line))
      .map((line) => line.replace(/^\w+: /, "")),
  };
}

/** A line of the log while it is written: its text, and how much of the whole is done when it says so. */
export function parseBackupStep(
  line: string,
): { readonly text: string; readonly percent?: number } | undefined {
  const text = /^INFO: +(.*\S)/.exec(line)?.[1];
  if (text === undefined) return undefined;
  const percent = /^(\d+)% \(/.exec(text)?.[1];
  return { text, ...(percent === undefined ? {} : { percent: Number(percent) }) };
}

/** Whether a volume of a storage is the archive that a log names. */
export function isArchive(volid: string, archive: string): boolean {
  // A backup server's name is a path of its own: ct/101/2026-05-26T00:16:48Z.
  const name = archive.startsWith("/") ? archive.slice(archive.lastIndexOf("/") + 1) : archive;
  return volid.endsWith(`/${name}`);
}
