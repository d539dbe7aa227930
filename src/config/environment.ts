/** Variables by name; those that are not set may be missing. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reports whether a variable has a value. A placeholder that a client has not filled in, such as
 * `${user_config.key}`, is not a value, and neither is an empty text.
 */
export const isSet = (value: string | undefined): value is string =>
  value !== undefined && value !== "" &&
  !/^\s*\$\{[^{}]*\}\s*$|\$\{user_config\.[^{}]*\}/.test(value);

/**
 * Returns a value for a message, in quotes, or words in its place. A value is not shown if it may be a
 * secret: with `@`, `?`, `#` or `%`, or with a word behind a colon, it may be a URL or a login with a
 * password in it, and a mixture of letters, digits and symbols may be a password in the wrong variable.
 */
export const shownValue = (value: string): string =>
  /^[^@?#%\p{Cc}]{0,200}$/u.test(value) && !/:[^\s/\\]*[^\s/\\\d:]/.test(value) &&
    !looksLikePassword(value)
    ? `"${value}"`
    : NOT_SHOWN;

/** Stands in a message for a value that may be a secret. */
export const NOT_SHOWN = "a value that is not shown";

/** Mixtures of letters, digits and symbols that are no passwords. */
const HARMLESS: readonly RegExp[] = [
  // A path without unusual symbols.
  /^[\w\s.,:~+=()/\\-]*[/\\][\w\s.,:~+=()/\\-]*$/,
  // A file name, a host name, an address; with or without a port.
  /^[\w.-]*\.[A-Za-z]{2,6}$|^id_\w+$|^[\w.-]+:\d+$|^\[?[\da-fA-F:.]+\]?(:\d+)?$/,
  // An option of a command line; a number with its unit.
  /^--?[a-z][a-z-]*$|^[\d.,_]+ ?[A-Za-z]{1,3}$/,
];

function looksLikePassword(value: string): boolean {
  if (value.length < 6 || HARMLESS.some((form) => form.test(value))) return false;
  const kinds = [/[A-Za-z]/, /\d/, /[^\w\s.,:~/\\-]/, /[a-z][A-Z]/];
  return kinds.filter((kind) => kind.test(value)).length > 1;
}
