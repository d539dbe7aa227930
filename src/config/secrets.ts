import { type Environment, isSet } from "./environment.ts";
import { type Values, type Variable, VARIABLES } from "./variables/variables.ts";

/** Returns the values of all secret variables that are set. */
export function secretsOf(values: Values): string[] {
  return Object.entries(VARIABLES)
    .filter(([, variable]) => variable.secret)
    // The key comes from the table that Values is made of.
    .map(([key]) => values[key as keyof Values])
    .filter((value): value is string => typeof value === "string");
}

/** Reports whether a value is also set as a secret, however short and whether it is valid there or not. */
export const isSecret = (value: string, env: Environment): boolean =>
  Object.values<Variable<unknown>>(VARIABLES).some(({ secret, name, aliases }) =>
    secret &&
    [name, ...aliases].some((each) => isSet(env[each]) && env[each].trim() === value.trim())
  );

/** Returns the secrets that the given settings contain: a worker does not get those of other settings. */
export const secretsIn = (settings: unknown, secrets: readonly string[]): string[] =>
  secrets.filter((secret) => contains(settings, secret));

const contains = (value: unknown, secret: string): boolean =>
  typeof value === "object" && value !== null
    ? Object.values(value).some((part) => contains(part, secret))
    : value === secret;
