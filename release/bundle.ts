import { type Variable, VARIABLES } from "../src/config/variables/variables.ts";
import { toolsOf } from "../tests/support/catalogs.ts";
import { projectFile } from "../tests/support/project.ts";
import { PACKAGE, VERSION } from "./names.ts";
import { NOTICES } from "./notices.ts";
import { DESCRIPTION, KEYWORDS } from "./npm_packages.ts";
import type { Member } from "./tarball.ts";
import { programName, type Target } from "./targets.ts";

/** One field of the form that Claude Desktop shows. Source: MCPB manifest 0.3, "user_config". */
interface Field {
  readonly type: "string" | "number" | "boolean" | "file" | "directory";
  readonly title: string;
  readonly description: string;
  readonly required?: boolean;
  readonly sensitive?: boolean;
  readonly default?: boolean;
  readonly min?: number;
  readonly max?: number;
}

const RISKS =
  "An AI gets a shell on the host. You review its commands, have backups, and hold nobody else liable (README, DISCLAIMER).";

/**
 * The variables that the form sets. A field that is left out has no default, because the variable's own default may come
 * from `~/.ssh/config`; the client then passes an empty text or the placeholder, and both count as not set.
 */
export const FIELDS: readonly (readonly [variable: Variable<unknown>, name: string, Field])[] = [
  [VARIABLES.acceptRisks, "accept_risks", {
    type: "boolean",
    title: "I accept the risks",
    description: RISKS,
    required: true,
    default: false,
  }],
  [VARIABLES.host, "host", {
    type: "string",
    title: "Host",
    description: "Name or IP address of the SSH host, or a name in ~/.ssh/config",
    required: true,
  }],
  [VARIABLES.username, "username", {
    type: "string",
    title: "User",
    description: "Login name; without one, that of ~/.ssh/config, else root",
  }],
  [VARIABLES.port, "port", {
    type: "number",
    title: "Port",
    description: "SSH port; without one, that of ~/.ssh/config, else 22",
    min: 1,
    max: 65_535,
  }],
  [VARIABLES.keyPath, "key_file", {
    type: "file",
    title: "Private key",
    description: "Key file (RSA, Ed25519, ECDSA); takes precedence over the password",
  }],
  [VARIABLES.keyPassphrase, "key_passphrase", {
    type: "string",
    title: "Passphrase of the key",
    description: "Only if the key file is encrypted",
    sensitive: true,
  }],
  [VARIABLES.password, "password", {
    type: "string",
    title: "Password",
    description: "Only if the host asks for one",
    sensitive: true,
  }],
  [VARIABLES.strictHostKeyChecking, "check_host_key", {
    type: "boolean",
    title: "Refuse an unknown host key",
    description:
      "Needs the host in ~/.ssh/known_hosts (run `ssh` once). If off, an unknown key is accepted, but never a changed one",
    default: true,
  }],
  [VARIABLES.workingDirectory, "working_directory", {
    type: "directory",
    title: "Working directory",
    description: "The assistant can access all files below it on this machine",
    required: true,
  }],
  [VARIABLES.readOnly, "read_only", {
    type: "boolean",
    title: "Read only",
    description: "Offer only tools that change nothing",
    default: false,
  }],
  [VARIABLES.sudo, "sudo", {
    type: "boolean",
    title: "sudo",
    description: "Let tools use sudo; the login must need no password for it",
    default: false,
  }],
  [VARIABLES.enableProxmox, "proxmox", {
    type: "boolean",
    title: "Proxmox",
    description: "Add tools for containers and VMs; the host must be a Proxmox VE node",
    default: false,
  }],
];

/** Returns the manifest of a bundle. Source: the schema of MCPB manifest 0.3 in `@anthropic-ai/mcpb` 2.1.2. */
export async function bundleManifest(
  target: Target,
  repository: string | undefined,
): Promise<unknown> {
  const program = `server/${programName(target)}`;
  const tools = await toolsOf("proxmox");
  return {
    manifest_version: "0.3",
    name: PACKAGE,
    display_name: "Remote machines over SSH",
    version: VERSION,
    description: DESCRIPTION,
    author: {
      name: `the ${PACKAGE} authors`,
      ...(repository === undefined ? {} : { url: repository }),
    },
    ...(repository === undefined
      ? {}
      : { homepage: repository, repository: { type: "git", url: `${repository}.git` } }),
    license: "MIT",
    keywords: KEYWORDS,
    server: {
      type: "binary",
      entry_point: program,
      mcp_config: {
        command: `\${__dirname}/${program}`,
        args: [],
        env: Object.fromEntries(
          FIELDS.map(([{ name }, field]) => [name, `\${user_config.${field}}`]),
        ),
      },
    },
    tools: tools.map(({ name, title }) => ({ name, description: title })),
    // Storage services and several hosts, which the form does not offer, add others.
    tools_generated: true,
    compatibility: { platforms: [target.os] },
    user_config: Object.fromEntries(FIELDS.map(([, name, field]) => [name, field])),
  };
}

/**
 * Returns the files of a bundle.
 *
 * @param licenses of what is in the executable
 */
export async function bundleMembers(
  target: Target,
  executable: Uint8Array<ArrayBuffer>,
  licenses: string,
  repository: string | undefined,
): Promise<Member[]> {
  const manifest = JSON.stringify(await bundleManifest(target, repository), null, 2);
  return [
    { path: "manifest.json", bytes: new TextEncoder().encode(`${manifest}\n`) },
    { path: "LICENSE", bytes: Deno.readFileSync(projectFile("LICENSE")) },
    { path: NOTICES, bytes: new TextEncoder().encode(licenses) },
    { path: `server/${programName(target)}`, bytes: executable, isExecutable: true },
  ];
}
