import { BadValue } from "./values.ts";

/** The values of `%` tokens by their letters; a value that is not known is undefined. */
export type Tokens = Readonly<Record<string, string | undefined>>;

/** Returns the value of an environment variable; undefined if it is not set or may not be read. */
export type Variables = (name: string) => string | undefined;

/**
 * Replaces `%` tokens and, with `variables`, `${NAME}`.
 *
 * Source: OpenSSH 9.2 misc.c vdollar_percent_expand().
 *
 * @throws BadValue for an unknown token or variable
 */
export function expandTokens(text: string, tokens: Tokens, variables?: Variables): string {
  const form = variables === undefined ? /%(.?)/gs : /%(.?)|\$\{([^}]*)(\}?)/gs;
  return text.replace(form, (_, letter?: string, name?: string, close?: string) => {
    if (letter === "%") return "%";
    if (letter !== undefined) return tokenValue(letter, tokens);
    if (!close || !name) throw new BadValue("has an incomplete ${…}");
    const value = variables?.(name);
    if (value !== undefined) return value;
    throw new BadValue(`needs the environment variable ${name}, which is not set or not readable`);
  });
}

function tokenValue(letter: string, tokens: Tokens): string {
  const value = Object.hasOwn(tokens, letter) ? tokens[letter] : undefined;
  if (value !== undefined) return value;
  throw new BadValue(
    Object.hasOwn(tokens, letter)
      ? `needs %${letter}, which is not known here`
      : `has the unknown token %${letter}`,
  );
}

/**
 * Replaces a leading `~`.
 *
 * Source: OpenSSH 9.2 misc.c tilde_expand(); the home directories of other users are not looked up.
 *
 * @throws BadValue
 */
export function expandTilde(path: string, home: string | undefined): string {
  if (!path.startsWith("~")) return path;
  const rest = /^~(?:\/+(.*))?$/s.exec(path);
  if (rest === null) throw new BadValue("names the home directory of another user");
  if (home === undefined) throw new BadValue("needs the home directory, which is not known");
  return `${home.replace(/\/$/, "")}/${rest[1] ?? ""}`;
}
