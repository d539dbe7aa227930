/**
 * Prints a question for a model that has not seen the project: the instructions and the names of the tools
 * of each configuration, and the requests of `instructions_tasks.ts` without their answers. With
 * `--answers` it prints the answers only.
 *
 *     deno run -A tests/server/blind.ts > question.md
 */
import { instructions } from "../../src/server/instructions.ts";
import { type ConfigurationName, CONFIGURATIONS, toolsOf } from "../support/catalogs.ts";
import { configOf } from "../support/config.ts";
import { LATER_CHOICES, TOOL_CHOICES, type ToolChoice } from "./instructions_tasks.ts";

const TASK = `# Which tool first?

You are connected to several MCP servers, one per section. Of each you see only its instructions and the names of
its tools, no descriptions and no arguments. For each request, name the one tool of its section that you would call
first. Answer with one line per request, "NUMBER TOOL", and nothing else.
`;

/** Returns the complete question. */
async function question(): Promise<string> {
  const groups = Map.groupBy(numbered(), ([, { configuration }]) => configuration);
  return [TASK, ...await Promise.all([...groups].map(section))].join("\n");
}

async function section(
  [name, choices]: [ConfigurationName, [number, ToolChoice][]],
): Promise<string> {
  const names = (await toolsOf(name)).map((tool) => tool.name);
  return [
    `## Server "${name}"`,
    "### Instructions",
    instructions(configOf(CONFIGURATIONS[name]), names),
    "### Tools",
    names.join("\n"),
    "### Requests",
    choices.map(([number, { request }]) => `${number}. ${request}`).join("\n"),
    "",
  ].join("\n\n");
}

const answers = (): string =>
  numbered().map(([number, { tool }]) => `${number} ${tool}\n`).join("");

const numbered = (): [number, ToolChoice][] =>
  [...TOOL_CHOICES, ...LATER_CHOICES].map((choice, index) => [index + 1, choice]);

if (import.meta.main) {
  const text = Deno.args.includes("--answers") ? answers() : await question();
  await Deno.stdout.write(new TextEncoder().encode(text));
}
