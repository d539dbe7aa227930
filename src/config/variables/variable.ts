import type { Parser } from "./parsers.ts";

/** One row of the table: everything about a variable. */
export interface Variable<T> {
  readonly name: string;
  /** Older names that are read when `name` is not set. */
  readonly aliases: readonly string[];
  readonly parse: Parser<T>;
  readonly fallback: T;
  /** The default as shown to people; empty if there is none. */
  readonly shown: string;
  readonly secret: boolean;
  readonly group: Group;
  readonly help: string;
}

export type Group =
  | "Required"
  | "SSH"
  | "Limits"
  | "Files"
  | "Server"
  | "Proxmox"
  | "ImageKit"
  | "R2"
  | "Links";

/** Optional parts of a row. */
export interface Extra {
  readonly secret?: boolean;
  readonly aliases?: readonly string[];
  readonly shown?: string;
}

/** Returns the row of a variable with a default. */
export const row = <T>(
  group: Group,
  name: string,
  parse: Parser<T>,
  fallback: T,
  help: string,
  extra: Extra = {},
): Variable<T> => ({
  name,
  aliases: extra.aliases ?? [],
  parse,
  fallback,
  shown: extra.shown ?? (fallback === undefined ? "" : String(fallback)),
  secret: extra.secret ?? false,
  group,
  help,
});

/** Returns the row of a variable without a default. */
export const optional = <T>(
  group: Group,
  name: string,
  parse: Parser<T>,
  help: string,
  extra: Extra = {},
) => row<T | undefined>(group, name, parse, undefined, help, extra);
