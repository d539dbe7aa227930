import * as z from "zod";
import { annotationsOf } from "../src/mcp/catalog.ts";
import type { Tool } from "../src/mcp/tool.ts";

/** Tools that one setting turns on. */
export interface Section {
  readonly title: string;
  /** When the tools exist. */
  readonly note: string;
  readonly tools: readonly Tool[];
}

/** What the page reads of a JSON schema. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}

const HEAD = `# Tools

Generated from the tool definitions by \`deno task docs\`; do not edit.

With \`SUDO\` or \`SUDO_PASSWORD\`, the tools that run commands, jobs and files on the host also take \`sudo\`: [sudo.md](sudo.md).

Each tool also takes \`response_format\`: \`text\` (default) for people, or \`json\` for exactly the structured content as text.
The schemas that clients get are shorter than this page: bounds of strings, minima, the required fields of answers and
fields that are always true are left out, and most tools do not list \`response_format\`. A failed call sets \`isError\` and returns \`success\` (false), \`code\`, \`error\` and \`suggestion\`; they are not repeated below.
A field marked with \`?\` may be missing. Annotations that are not named have MCP's defaults.`;

/** Returns the Markdown reference of the tools: arguments, output fields and annotations of each. */
export function toolsPage(sections: readonly Section[]): string {
  const contents = sections.map(({ title, tools }) =>
    `- ${title}: ${tools.map(({ name }) => `[\`${name}\`](#${name})`).join(", ")}`
  );
  const bodies = sections.map(({ title, note, tools }) =>
    [`## ${title}`, note, ...tools.map(toolText)].join("\n\n")
  );
  return `${[HEAD, contents.join("\n"), ...bodies].join("\n\n")}\n`;
}

function toolText(tool: Tool): string {
  const { name, description } = tool;
  const hints = Object.entries(annotationsOf(tool));
  return [
    `### ${name}`,
    description,
    `Annotations: ${hints.map(([hint, value]) => `\`${hint}\` ${value}`).join(", ")}.`,
    table(
      ["argument", "type", "default", "description"],
      argumentRows(jsonSchema(tool.input, "input")),
    ),
    table(
      ["output field", "type", "description"],
      fieldRows(jsonSchema(tool.output, "output"), ""),
    ),
  ].filter((part) => part !== "").join("\n\n");
}

const jsonSchema = (schema: z.ZodType, io: "input" | "output"): Schema =>
  z.toJSONSchema(schema, { io, target: "draft-7" }) as Schema; // its own type admits every keyword

function argumentRows({ properties = {}, required = [] }: Schema): string[][] {
  return Object.entries(properties).filter(([name]) => name !== "response_format")
    .map(([name, schema]) => [
      `\`${name}\``,
      typeText(schema),
      required.includes(name) ? "required" : defaultText(schema.default),
      schema.description ?? "",
    ]);
}

const defaultText = (value: unknown): string =>
  value === undefined ? "–" : `\`${JSON.stringify(value)}\``;

/** Fields with their nested ones, such as `left_out.count` and `files[].name`. */
function fieldRows(schema: Schema, prefix: string): string[][] {
  const variants = schema.anyOf ?? [schema];
  const fields = new Map(variants.flatMap(({ properties = {} }) => Object.entries(properties)));
  const isRequired = (name: string) =>
    variants.every(({ required = [] }) => required.includes(name));
  return [...fields].flatMap(([name, field]) => [
    [
      `\`${prefix}${name}${isRequired(name) ? "" : "?"}\``,
      typeText(field),
      field.description ?? "",
    ],
    ...nestedRows(field, `${prefix}${name}`),
  ]);
}

function nestedRows(field: Schema, path: string): string[][] {
  const object = [field, ...field.anyOf ?? []].find(({ properties }) => properties !== undefined);
  if (object !== undefined) return fieldRows(object, `${path}.`);
  const list = [field, ...field.anyOf ?? []].find(({ items }) => items !== undefined);
  return list?.items === undefined ? [] : nestedRows(list.items, `${path}[]`);
}

function typeText(schema: Schema): string {
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeText))].join(" or ");
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) {
    return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(", ");
  }
  if (schema.items !== undefined) return `array of ${typeText(schema.items)}`;
  const types = [schema.type ?? "any"].flat().join(" or ");
  return `${types}${rangeText(schema)}`;
}

function rangeText({ minimum, maximum, maxLength }: Schema): string {
  if (maxLength !== undefined) return `, max ${maxLength} characters`;
  const least = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? undefined : minimum;
  const most = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (least !== undefined && most !== undefined) return `, ${least}–${most}`;
  if (least !== undefined) return `, min ${least}`;
  return most === undefined ? "" : `, max ${most}`;
}

function table(head: readonly string[], rows: readonly string[][]): string {
  if (rows.length === 0) return "";
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
