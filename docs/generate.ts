/**
 * Writes what is generated from the code: docs/tools.md, docs/variables.md, .env.example and the README's list of variables. Run by `deno task docs`;
 * tests fail while a page is out of date.
 */
import type { Tool } from "../src/mcp/tool.ts";
import {
  type ConfigurationName,
  MANY_HOSTS,
  offeredTools,
  toolsOf,
} from "../tests/support/catalogs.ts";
import { envExample } from "./env_example.ts";
import { type Section, toolsPage } from "./tools_page.ts";
import { projectFile } from "../tests/support/project.ts";
import { withVariableNames, withVariablesTable } from "./variables_table.ts";

const SECTIONS: readonly (readonly [ConfigurationName, title: string, note: string])[] = [
  ["core", "SSH and download links", "Always; without the two file tools when ImageKit is on."],
  [
    "proxmox",
    "Proxmox",
    "With `ENABLE_PROXMOX=true`; without the two file tools when ImageKit is on.",
  ],
  ["imagekit", "ImageKit", "With `ENABLE_IMAGEKIT=true` and its credentials."],
  ["r2", "Exchange", "With the `R2_…` credentials."],
];

/** Returns the text of docs/tools.md. A tool is shown with the most arguments that it can have. */
export async function currentToolsPage(): Promise<string> {
  const everything = await toolsOf("everything");
  const fullest = (tool: Tool) => everything.find(({ name }) => name === tool.name) ?? tool;
  const seen = new Set<string>();
  const sections: Section[] = [];
  for (const [configuration, title, note] of SECTIONS) {
    const tools = (await toolsOf(configuration)).filter(({ name }) => !seen.has(name));
    for (const { name } of tools) seen.add(name);
    sections.push({ title, note, tools: tools.map(fullest) });
  }
  const known = (await offeredTools(MANY_HOSTS)).filter(({ name }) => !seen.has(name));
  sections.push({ title: "Many hosts", note: "With more than 30 hosts in `HOSTS`.", tools: known });
  return toolsPage(sections);
}

if (import.meta.main) {
  Deno.writeTextFileSync(projectFile("docs/tools.md"), await currentToolsPage());
  Deno.writeTextFileSync(projectFile(".env.example"), envExample());
  rewrite("docs/variables.md", withVariablesTable);
  rewrite("README.md", withVariableNames);
}

function rewrite(name: string, change: (text: string) => string): void {
  const path = projectFile(name);
  Deno.writeTextFileSync(path, change(Deno.readTextFileSync(path)));
}
