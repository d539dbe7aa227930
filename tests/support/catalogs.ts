import type { Tool as McpTool } from "@modelcontextprotocol/server";
import type { Environment } from "../../src/config/environment.ts";
import { createCatalog } from "../../src/mcp/catalog.ts";
import type { Tool } from "../../src/mcp/tool.ts";
import { createTools, type Ports } from "../../src/server/tools.ts";
import { configOf } from "./config.ts";

const IMAGEKIT = {
  ENABLE_IMAGEKIT: "true",
  IMAGEKIT_PUBLIC_KEY: "public_x",
  IMAGEKIT_PRIVATE_KEY: "private_x",
  IMAGEKIT_URL_ENDPOINT: "https://127.0.0.1:1/me",
  IMAGEKIT_API_URL: "https://127.0.0.1:1",
  IMAGEKIT_UPLOAD_URL: "https://127.0.0.1:1",
};
const R2 = {
  R2_ACCESS_KEY: "access",
  R2_SECRET_KEY: "secret",
  R2_BUCKET: "bucket",
  R2_ENDPOINT: "http://127.0.0.1:1",
};

/** Configurations that differ in their tools. Nothing listens where their variables point. */
export const CONFIGURATIONS = {
  core: {},
  proxmox: { ENABLE_PROXMOX: "true" },
  imagekit: IMAGEKIT,
  r2: R2,
  proxmox_and_r2: { ENABLE_PROXMOX: "true", ...R2 },
  proxmox_and_imagekit: { ENABLE_PROXMOX: "true", ...IMAGEKIT },
  everything: { ENABLE_PROXMOX: "true", ...IMAGEKIT, ...R2 },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;

/** More hosts than a schema lists. */
export const MANY_HOSTS = { HOSTS: Array.from({ length: 31 }, (_, at) => `web${at}`).join(",") };

export type ConfigurationName = keyof typeof CONFIGURATIONS;

export const CONFIGURATION_NAMES = Object.keys(CONFIGURATIONS) as ConfigurationName[]; // a const's keys

/** Returns the tools that the server offers with these variables, without starting a worker. */
export const offeredTools = (env: Environment): Promise<readonly Tool[]> =>
  createTools(configOf(env), UNUSED);

/** Returns the tools of a configuration, without starting a worker. */
export const toolsOf = (name: ConfigurationName): Promise<readonly Tool[]> =>
  offeredTools(CONFIGURATIONS[name]);

/** Returns the tools of a configuration as MCP lists them, without starting a worker. */
export async function listTools(name: ConfigurationName): Promise<readonly McpTool[]> {
  return createCatalog(await toolsOf(name)).list;
}

const unused = new Proxy({}, {
  get: () => () => {
    throw new Error("creating the tools must call no worker");
  },
}) as never; // used for a port of any type
const UNUSED: Ports = {
  ...{ ssh: unused, downloads: unused, transfers: unused },
  ofHost: () => UNUSED,
  betweenHosts: unused,
};
