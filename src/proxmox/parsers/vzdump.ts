/** The result of a backup. */
export interface BackupLog {
  /** As the log names it: a path, or a name on a backup server. */
  readonly archive?: string;
  /** The kind of the guest. */
  readonly kind?: "lxc" | "qemu";
  /** The reason of a failure, in the words of vzdump. */
  readonly failure?: string;
  readonly finished: boolean;
  readonly warnings: readonly string[];
}

/**
 * Parses the log on vzdump's stdout. A guest on another node is skipped silently: the log is empty and
 * the exit code is 0.
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

/** Parses one line of the log: its text, and the percentage if it has one. */
export function parseBackupStep(
  line: string,
): { readonly text: string; readonly percent?: number } | undefined {
  const text = /^INFO: +(.*\S)/.exec(line)?.[1];
  if (text === undefined) return undefined;
  const percent = /^(\d+)% \(/.exec(text)?.[1];
  return { text, ...(percent === undefined ? {} : { percent: Number(percent) }) };
}

/** Reports whether a volume of a storage is the archive that a log names. */
export function isArchive(volid: string, archive: string): boolean {
  // The name on a backup server contains slashes: ct/101/2026-05-26T00:16:48Z.
  const name = archive.startsWith("/") ? archive.slice(archive.lastIndexOf("/") + 1) : archive;
  return volid.endsWith(`/${name}`);
}
