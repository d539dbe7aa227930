import { decodeDescription } from "./pct.ts";

/** One key of a guest's configuration. */
export interface PendingKey {
  /** The value that counts now; undefined for a key that is new. */
  readonly current?: string;
  /** What counts from the next start on; undefined if that is the current value. */
  readonly next?: string;
  /** The key is removed at the next start. */
  readonly isRemoved?: true;
}

/** A guest's configuration by key, with what counts only after a restart. */
export type PendingConfig = ReadonlyMap<string, PendingKey>;

/**
 * Parses `pct pending` and `qm pending`.
 *
 * Source: pve-guest-common 4a8f6cb src/PVE/GuestHelpers.pm:192-216, `format_pending`.
 */
export function parsePending(stdout: string): PendingConfig {
  const keys = new Map<string, PendingKey>();
  for (const line of stdout.split("\n")) {
    const [, word, key, raw = ""] = /^(cur|new|del) ([A-Za-z0-9_.-]+): ?(.*)$/.exec(line) ?? [];
    if (key === undefined) continue;
    const value = key === "description" ? decodeDescription(raw) : raw;
    const known = keys.get(key);
    if (word === "new") keys.set(key, { ...known, next: value });
    else {keys.set(key, {
        ...known,
        current: value,
        ...(word === "del" ? { isRemoved: true } : {}),
      });}
  }
  return keys;
}

/** Returns the value from the next start on; undefined if the guest has no such key then. */
export const nextValue = (config: PendingConfig, key: string): string | undefined => {
  const found = config.get(key);
  return found?.isRemoved === true ? undefined : found?.next ?? found?.current;
};
