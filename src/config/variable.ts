import type { Parser } from "./parsers.ts";

/** One row of the table: everything there is to know about a variable. */
export interface Variable<T> {
  readonly name: string;
  /** Older names that are read when `name` is not set. */
  readonly aliases: readonly string[];
  readonly parse: Parser<T>;
  readonly fallback: T;
  /** The default as it is shown to people; empty when there is none. */
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
  | "Proxmox"
  | "ImageKit"
  | "R2"
  | "Links";

/** What a row may have besides. */
export interface Extra {
  readonly secret?: boolean;
  readonly aliases?: readonly string[];
  readonly shown?: string;
}

/** A variable with a default. */
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

/** A variable that may be left out altogether. */
export const optional = <T>(
  group: Group,
  name: string,
  parse: Parser<T>,
  help: string,
  extra: Extra = {},
) => row<T | undefined>(group, name, parse, undefined, help, extra);
