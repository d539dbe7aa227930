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
 * Returns a value for a message, in quotes, or words in its place: with `@`, `?`, `#` or `%`, or with a
 * word behind a colon, it may be a URL or a login with a password in it.
 */
export const shownValue = (value: string): string =>
  /^[^@?#%\p{Cc}]{0,200}$/u.test(value) && !/:[^\s/\\]*[^\s/\\\d:]/.test(value)
    ? `"${value}"`
    : "a value that is not shown";
