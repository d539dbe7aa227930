import * as z from "zod";
import { printable } from "../../errors.ts";
import { longOutput } from "../../mcp/long_calls.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import { goesOn, storageArgument, taskTimeoutArgument, templateArgument } from "../arguments.ts";
import { formatBytes } from "../format.ts";
import { isRunning } from "../host.ts";
import type { LocalTemplate, TemplateList, Templates } from "./templates.ts";

const localTemplate = z.object({
  template: z.string().describe("Volume ID, for proxmox_create_container"),
  size_bytes: z.number().optional(),
});

/** The tools for the templates of containers. */
export const templateTools = (templates: Templates): Tool[] => [
  listTool(templates),
  downloadTool(templates),
  deleteTool(templates),
];

const listTool = (templates: Templates): Tool =>
  defineTool({
    name: "proxmox_list_templates",
    title: "List container templates",
    description: "List the LXC templates on the node, and those that can be downloaded.",
    effect: "reads",
    input: z.strictObject({
      available: z.boolean().default(true).describe("Include those to download"),
      filter: z.string().max(100).default("").describe("Part of the name, e.g. debian-12"),
      response_format: unlistedFormat,
    }),
    output: z.object({
      local: z.array(localTemplate),
      available: z.array(z.object({ section: z.string(), name: z.string() })).optional(),
      omitted: z.number().int().optional().describe("Appliances, for which filter is needed"),
    }),
    async run(args, context) {
      const found = await templates.list(args, context);
      const data = {
        local: found.local.map(shown),
        ...(found.available === undefined ? {} : { available: [...found.available] }),
        ...(found.omitted === undefined ? {} : { omitted: found.omitted }),
      };
      return { text: format(found), data };
    },
  });

const downloadTool = (templates: Templates): Tool =>
  defineTool({
    name: "proxmox_download_template",
    title: "Download a container template",
    description:
      "Download an LXC template to a storage. A long download answers early with a job_id.",
    effect: "changes",
    idempotent: true,
    input: z.strictObject({
      template: z.string().max(200).regex(/^[A-Za-z0-9][\w.+~-]*$/, {
        error: "A template has a file name, without a storage or directory",
      }).describe("Name from proxmox_list_templates"),
      storage: storageArgument.default("local"),
      timeout: taskTimeoutArgument(3600),
      response_format: unlistedFormat,
    }),
    output: longOutput(localTemplate.extend({ success: z.literal(true), message: z.string() })),
    async run({ template, storage, timeout }, context) {
      const order = { template, storage, timeoutMs: timeout * 1000 };
      const found = await templates.download(order, context);
      if (isRunning(found)) {
        return goesOn(`The download of ${template}`, found, "proxmox_list_templates");
      }
      const message = `Template downloaded: ${found.template}`;
      return {
        text: `[SUCCESS] ${message}${sizeOf(found)}`,
        data: { success: true as const, message, ...shown(found) },
      };
    },
  });

const deleteTool = (templates: Templates): Tool =>
  defineTool({
    name: "proxmox_delete_template",
    title: "Delete a container template",
    description:
      "Delete an LXC template from its storage. Containers made from it are not affected.",
    effect: "destroys",
    input: z.strictObject({ template: templateArgument, response_format: unlistedFormat }),
    output: z.object({
      success: z.literal(true),
      message: z.string(),
      template: z.string().meta({ unlisted: true }),
    }),
    async run({ template }, context) {
      await templates.remove(template, context);
      const message = `Template deleted: ${template}`;
      return {
        text: `[SUCCESS] ${message}`,
        data: { success: true as const, message, template },
      };
    },
  });

const shown = ({ template, size }: LocalTemplate) => ({
  template,
  ...(size === undefined ? {} : { size_bytes: size }),
});

const sizeOf = ({ size }: LocalTemplate): string =>
  size === undefined ? "" : ` (${formatBytes(size)})`;

function format({ local, available, omitted }: TemplateList): string {
  return [
    local.length === 0 ? "No templates on the node" : "On the node:",
    ...local.map((each) => `  ${printable(each.template)}${sizeOf(each)}`),
    ...(available === undefined
      ? []
      : [available.length === 0 ? "No templates to download" : "To download:"]),
    ...(available ?? []).map(({ section, name }) => `  ${printable(section)}: ${printable(name)}`),
    ...(omitted === undefined ? [] : [`and ${omitted} appliances: use filter to see them`]),
  ].join("\n");
}
