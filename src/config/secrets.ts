/**
 * Those of the secrets that are values of the settings themselves: a worker learns no other one, not
 * even to keep it out of its log.
 */
export const secretsIn = (settings: unknown, secrets: readonly string[]): string[] =>
  secrets.filter((secret) => holds(settings, secret));

const holds = (value: unknown, secret: string): boolean =>
  typeof value === "object" && value !== null
    ? Object.values(value).some((part) => holds(part, secret))
    : value === secret;
