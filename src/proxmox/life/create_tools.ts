import * as z from "zod";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import { guestId } from "../../mcp/arguments.ts";
import { storageArgument, taskTimeoutArgument, templateArgument } from "../arguments.ts";
import { KINDS } from "../guests/guest.ts";
import { madeAnswer, madeOutput } from "./answer.ts";
import type { Creation } from "./creation.ts";

/** Source: pve-common src/PVE/JSONSchema.pm:673-685, dns-name. */
export const hostnameArgument = z.string().max(255).regex(
  /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/,
  { error: "A name has letters, digits and -, in labels separated by dots; no underscore" },
);

const OCTET = "(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;

const ipArgument = z.string().regex(new RegExp(`^(?:dhcp|${IPV4}/(?:[89]|[12]\\d|3[0-2]))$`), {
  error: "Write dhcp, or an address with its prefix length, such as 10.0.0.5/24",
}).default("dhcp").describe("dhcp, or e.g. 10.0.0.5/24");

const gatewayArgument = z.string().regex(new RegExp(`^${IPV4}$`), {
  error: "Write an IPv4 address without prefix length",
}).optional();

/** What OpenSSH and Proxmox VE take for a key: one a line, maybe with a comment. */
const KEY =
  /^(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-[\w-]+|sk-[\w@.-]+) [A-Za-z0-9+/]+=*(?: [^\n\0]*)?$/;

const sshKeysArgument = z.string().max(20_000).refine(
  (text) => text.trim().split("\n").every((line) => KEY.test(line.trim())),
  { error: "Write public keys, one per line, such as ssh-ed25519 AAAA… name" },
).transform((text) => text.trim().split("\n").map((line) => line.trim()).join("\n")).optional();

/**
 * Options that a step of its own carries out, or that would break a promise of the tool. Proxmox VE takes
 * abbreviations too.
 *
 * Source: pve-common src/PVE/JSONSchema.pm, `get_options`: Getopt::Long as it is by default.
 */
const OWN = [
  "force",
  "password",
  "cipassword",
  "restore",
  "ssh-public-keys",
  "sshkeys",
  "start",
  "unprivileged",
];

const optionsArgument = (program: "pct" | "qm", example: string) =>
  z.record(
    z.string().regex(/^[a-z][a-z0-9-]*$/, {
      error: "An option is lower case, without dashes before it",
    })
      .refine((key) => !OWN.some((own) => own.startsWith(key)), {
        error: "This option has an argument of its own, or is not for this tool",
      }),
    z.string().max(10_000).refine((value) => !value.includes("\0"), { error: "No NUL" }),
  ).default({}).describe(`More of ${program} create, e.g. ${example}`);

const common = {
  storage: storageArgument.optional(),
  cores: z.number().int().min(1).max(8192).default(2),
  memory: z.number().int().min(16).max(100_000_000).default(2048).describe("MiB"),
  bridge: z.string().max(50).regex(/^[\w.-]+$/, { error: "A bridge is a name such as vmbr0" })
    .default("vmbr0"),
  vlan: z.number().int().min(1).max(4094).optional(),
  ip: ipArgument,
  gateway: gatewayArgument,
  ssh_keys: sshKeysArgument,
};

/** The tools that create a guest. */
export const createTools = (creation: Creation): Tool[] => [
  createContainerTool(creation),
  createVmTool(creation),
];

const createContainerTool = (creation: Creation): Tool =>
  defineTool({
    name: "proxmox_create_container",
    title: "Create a container",
    description:
      "Create an LXC container, start it and return its configuration and address. A long call answers early with a job_id.",
    effect: "changes",
    input: z.strictObject({
      template: templateArgument,
      ctid: guestId.optional().describe("Default: next free"),
      hostname: hostnameArgument,
      disk: z.number().min(0.1).max(100_000).default(8).describe("GiB"),
      ...common,
      password: z.string().min(5).max(64).refine((text) => !/[\n\r\0]/.test(text), {
        error: "A password is one line",
      }).optional().describe("Of root"),
      unprivileged: z.boolean().default(true),
      options: optionsArgument("pct", `{"onboot":"1"}`),
      start: z.boolean().default(true),
      timeout: taskTimeoutArgument(1800).meta({ unlisted: true }),
      response_format: unlistedFormat,
    }),
    output: madeOutput("container"),
    async run(args, context) {
      const made = await creation.container({
        ...orderOf(args),
        id: args.ctid,
        name: args.hostname,
        template: args.template,
        unprivileged: args.unprivileged,
        password: args.password,
      }, context);
      return madeAnswer(made, "created");
    },
  });

const createVmTool = (creation: Creation): Tool =>
  defineTool({
    name: "proxmox_create_vm",
    title: "Create a virtual machine",
    description:
      `Create a ${KINDS.vm.longName} from a cloud image or an installer ISO, and start it. ` +
      "ip, gateway, ci_user and ssh_keys are for cloud-init. A long call answers early with a job_id.",
    effect: "changes",
    input: z.strictObject({
      name: hostnameArgument,
      vmid: guestId.optional().describe("Default: next free"),
      image: imageArgument("qcow2 or raw: volume ID or host path"),
      iso: imageArgument("e.g. local:iso/debian.iso"),
      disk: z.number().int().min(1).max(100_000).default(32).describe("GiB"),
      ...common,
      ci_user: z.string().max(32).regex(/^[a-z_][a-z0-9_.-]*$/, {
        error: "A user name is lower case",
      }).optional(),
      options: optionsArgument("qm", `{"bios":"ovmf"}`),
      start: z.boolean().default(true),
      timeout: taskTimeoutArgument(3600).meta({ unlisted: true }),
      response_format: unlistedFormat,
    }),
    output: madeOutput("vm"),
    async run(args, context) {
      const made = await creation.vm({
        ...orderOf(args),
        id: args.vmid,
        name: args.name,
        image: args.image,
        iso: args.iso,
        ciUser: args.ci_user,
      }, context);
      return madeAnswer(made, "created");
    },
  });

function imageArgument(description: string) {
  return z.string().max(1000).regex(/^(?:\/|[A-Za-z][\w.-]*:)[^\s,\0]+$/, {
    error:
      "Write a volume ID such as local:iso/x.iso, or an absolute path on the host, without blanks and commas",
  }).optional().describe(description);
}

/** The arguments that both tools have. */
interface CommonArgs {
  readonly storage?: string | undefined;
  readonly disk: number;
  readonly cores: number;
  readonly memory: number;
  readonly bridge: string;
  readonly vlan?: number | undefined;
  readonly ip: string;
  readonly gateway?: string | undefined;
  readonly ssh_keys?: string | undefined;
  readonly options: Readonly<Record<string, string>>;
  readonly start: boolean;
  readonly timeout: number;
}

const orderOf = (args: CommonArgs) => ({
  storage: args.storage,
  diskGb: args.disk,
  cores: args.cores,
  memoryMb: args.memory,
  bridge: args.bridge,
  vlan: args.vlan,
  ip: args.ip,
  gateway: args.gateway,
  sshKeys: args.ssh_keys,
  options: args.options,
  start: args.start,
  timeoutMs: args.timeout * 1000,
});
