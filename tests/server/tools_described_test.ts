import assert from "node:assert/strict";
import { CONFIGURATION_NAMES, listTools } from "../support/catalogs.ts";
import { FLAGS } from "../support/same_facts.ts";

/** What this test reads of a JSON schema. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly description?: string;
}

for (const name of CONFIGURATION_NAMES) {
  Deno.test(`every output field that a caller branches on is described (${name})`, async () => {
    const missing: string[] = [];
    for (const tool of await listTools(name)) {
      const fields = fieldsOf((tool.outputSchema ?? {}) as Schema); // a JSON schema
      for (const [path, field] of fields) {
        if (isBranchedOn(path, field) && !field.description) missing.push(`${tool.name}${path}`);
      }
    }
    assert.deepEqual(missing, [], "fields without a description");
  });
}

Deno.test("the tests know the words of a text for each yes or no of an answer", async () => {
  const names = (await Promise.all(CONFIGURATION_NAMES.map(listTools))).flat()
    .flatMap(({ outputSchema }) => fieldsOf((outputSchema ?? {}) as Schema)) // a JSON schema
    .filter(([, { type }]) => type === "boolean").map(([path]) => path.split(".").at(-1) ?? "");
  const known = [...FLAGS, "success"]; // in the text it is the exit code or [SUCCESS]
  const missing = [...new Set(names)].filter((name) => !known.includes(name));
  assert.deepEqual(missing, [], "add their words to tests/support/same_facts.ts");
});

Deno.test("the fields that a caller branches on are found at every depth", () => {
  const flag: Schema = { type: "boolean" };
  const fields = fieldsOf({
    properties: {
      rows: { items: { properties: { flag } } },
      more: { additionalProperties: { anyOf: [{ properties: { kind: { enum: ["a"] } } }] } },
      code: { type: ["integer", "null"] },
      state: { type: "string" },
      text: { type: "string" },
    },
  });
  const found = fields.filter(([path, field]) => isBranchedOn(path, field)).map(([path]) => path);
  assert.deepEqual(found, [".rows.flag", ".more.kind", ".code", ".state"]);
});

/** A yes or no, one of a few words, or a value that may be null. */
const isBranchedOn = (path: string, { type, enum: choices, anyOf }: Schema): boolean =>
  type === "boolean" || choices !== undefined || anyOf !== undefined ||
  [type].flat().includes("null") || /\.(?:status|state)$/.test(path);

/** Every field with its path, nested ones included. */
function fieldsOf(schema: Schema, path = ""): [path: string, field: Schema][] {
  const { properties = {}, items, anyOf = [], additionalProperties: more } = schema;
  const inner = [items, ...anyOf, typeof more === "object" ? more : undefined]
    .filter((each) => each !== undefined);
  return [
    ...Object.entries(properties).flatMap(([name, field]): [string, Schema][] => [
      [`${path}.${name}`, field],
      ...fieldsOf(field, `${path}.${name}`),
    ]),
    ...inner.flatMap((each) => fieldsOf(each, path)),
  ];
}
