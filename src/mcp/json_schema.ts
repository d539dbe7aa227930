import * as z from "zod";

/** What this file reads and writes of a JSON Schema. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly description?: string;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly [keyword: string]: unknown;
}

/** A schema of MCP, which always describes an object. */
export interface ObjectSchema {
  readonly type: "object";
  readonly [keyword: string]: unknown;
}

/**
 * Returns the JSON Schema of a tool's arguments, as short as it can be: a model pays for every token of
 * it. Bounds and patterns of strings and minima are checked but not shown; a description names those that
 * matter. Arguments with `unlisted` in their zod metadata are accepted but not shown; of those with
 * `sketched`, only type and description are.
 */
export function argumentsSchema(input: z.ZodObject): ObjectSchema {
  return { ...shorten(toJson(input, "input")), type: "object" };
}

/**
 * Returns the JSON Schema of a tool's answer: names, types and meanings. A failure matches it too,
 * because clients validate failures: no field is required, and others are allowed. A field may be
 * missing from a success only if its description or name says when. Fields that can only be true and have no
 * description, and those with `unlisted` in their zod metadata, are returned but not shown.
 */
export function answerSchema(output: z.ZodType): ObjectSchema {
  return { ...shortenAnswer(toJson(output, "output")), type: "object" };
}

function toJson(schema: z.ZodType, io: "input" | "output"): Schema {
  // Clients use draft 7 validators, which refuse a schema that names another draft.
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, target: "draft-7" });
  return rest as Schema; // zod's own type admits every keyword
}

/** Drops what no caller needs to know. */
function shorten(schema: Schema): Schema {
  if (schema.sketched === true) return sketch(schema);
  const { anyOf, properties, items, minimum: _, maximum, ...others } = schema;
  const { minLength: __, maxLength: ___, pattern: ____, ...rest } = others;
  return {
    ...rest,
    ...(anyOf === undefined ? {} : { anyOf: anyOf.map(shorten) }),
    ...(properties === undefined ? {} : { properties: mapValues(listed(properties), shorten) }),
    ...(items === undefined ? {} : { items: shorten(items) }),
    ...(maximum !== undefined && maximum <= MAX_SHOWN ? { maximum } : {}),
  };
}

/** A list or object whose description names the fields: their schema costs twice as many tokens. */
const sketch = ({ type, description, items }: Schema): Schema =>
  ({
    type,
    description,
    ...(items === undefined ? {} : { items: { type: "object" } }),
  }) as Schema; // a description is a keyword

/** A larger maximum is that of an ID or of safe integers, which no caller meets. */
const MAX_SHOWN = 100_000;

const listed = (properties: Readonly<Record<string, Schema>>) =>
  Object.fromEntries(Object.entries(properties).filter(([, field]) => isListed(field)));

/** Leaves out `success: true`, which only a failure has with another value, and what is like it. */
const isListed = ({ unlisted, const: value, description }: Schema): boolean =>
  unlisted !== true && (value !== true || description !== undefined);

/** In an answer, a caller needs names, types and meanings. */
function shortenAnswer(schema: Schema): Schema {
  const { additionalProperties, required: _, maximum: __, const: ___, ...others } = schema;
  const { propertyNames: ____, enum: choices, type, anyOf, properties, items, ...rest } = shorten(
    others,
  );
  const types = anyOf?.map((each) => each.type);
  const isNullable = types?.includes("null") && anyOf?.every((each) => keysOf(each) === "type");
  return {
    ...(choices !== undefined ? { enum: choices } : { type: isNullable ? types : type }),
    ...rest,
    ...(anyOf === undefined || isNullable ? {} : { anyOf: anyOf.map(shortenAnswer) }),
    ...(properties === undefined ? {} : { properties: mapValues(properties, shortenAnswer) }),
    ...(items === undefined ? {} : { items: shortenAnswer(items) }),
    ...(isRecord(additionalProperties)
      ? { additionalProperties: shortenAnswer(additionalProperties) }
      : {}),
  } as Schema; // `types` are those of the variants
}

const isRecord = (value: Schema | boolean | undefined): value is Schema =>
  typeof value === "object" && Object.keys(value).length > 0;

const keysOf = (schema: Schema): string => Object.keys(schema).join();

const mapValues = <Value>(
  record: Readonly<Record<string, Value>>,
  map: (value: Value) => Value,
): Record<string, Value> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
