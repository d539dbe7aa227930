import * as z from "zod";

type Given = Record<string, unknown>;

/**
 * Returns the arguments as clients mean them, for a tool's schema to check: `null` is left out, a text of
 * digits is a number where the tool expects a number, a text of JSON is a list where it expects a list, and
 * `response_format` has any case. The same holds for the objects of a list. Unknown arguments stay, so that
 * the schema refuses them by name.
 */
export function givenArguments(given: Given, shape: Readonly<Record<string, unknown>>): Given {
  const kept = Object.entries(given).filter(([name, value]) =>
    value !== null || !Object.hasOwn(shape, name)
  );
  return Object.fromEntries(kept.map(([name, value]) => [
    name,
    inList(typeof value === "string" ? fromText(value, name, shape[name]) : value, shape[name]),
  ]));
}

/** Does the same for the objects of a list. */
function inList(value: unknown, schema: unknown): unknown {
  const list = innermost(schema);
  if (!Array.isArray(value) || !(list instanceof z.ZodArray)) return value;
  const { element } = list;
  if (!(element instanceof z.ZodObject)) return value;
  return value.map((each) => isObject(each) ? givenArguments(each, element.shape) : each);
}

const isObject = (value: unknown): value is Given =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Returns the name of the first argument with half of a surrogate pair in its text. No file and no command
 * has that in it, and a client that finds it in an answer may refuse the answer.
 */
export const brokenText = (
  given: Given,
  shape: Readonly<Record<string, unknown>>,
): string | undefined =>
  Object.keys(shape).find((name) => {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    return typeof value === "string" && !value.isWellFormed();
  });

function fromText(text: string, name: string, schema: unknown): unknown {
  if (name === "response_format") return text.toLowerCase();
  const inner = innermost(schema);
  if (inner instanceof z.ZodNumber && DIGITS.test(text)) return Number(text);
  if (inner instanceof z.ZodBoolean && (text === "true" || text === "false")) {
    return text === "true";
  }
  if (inner instanceof z.ZodArray && text.trimStart().startsWith("[")) return fromJson(text);
  return text;
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // the schema refuses it
  }
}

/** No leading zero: in a mode it has a meaning. */
const DIGITS = /^(?:0|-?[1-9]\d{0,14})$/;

function innermost(schema: unknown): unknown {
  const isWrapper = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault;
  return isWrapper ? innermost(schema.unwrap()) : schema;
}
