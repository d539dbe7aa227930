import type { Config } from "../config/config.ts";
import { type Fault, formatFaults } from "../config/faults.ts";
import { registeredTools } from "../config/offer.ts";
import { ENVIRONMENT_ONLY } from "../config/origin.ts";
import { VARIABLES } from "../config/variables/variables.ts";
import { oneLine, RemoteExecError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { noAudit } from "../mcp/audit.ts";
import { type Catalog, createCatalog } from "../mcp/catalog.ts";
import { remote } from "../rpc/remote.ts";
import type { DownloadsPort } from "../downloads/port.ts";
import type { MessageEnd } from "../rpc/wire.ts";
import type { SshPort } from "../ssh/port.ts";
import type { TextPort } from "../ssh/text/port.ts";
import { VERSION } from "../version.ts";
import { answerClient, type Running } from "./running.ts";
import { createTools, type Ports } from "./tools.ts";

/** Clients cut instructions at 2,048 characters. */
const MAX_INSTRUCTIONS = 1_900;

/**
 * Serves the core tools without a configuration: every call fails with `not_configured` and all faults,
 * so that the model can report them to a person. No worker is started. When it returns, this isolate has
 * no permissions left.
 */
export async function serveUnconfigured(
  faults: readonly Fault[],
  logger: Logger,
): Promise<Running> {
  const catalog = await refusingCatalog(notConfigured(faults));
  const instructions = unconfiguredInstructions(faults);
  const parts = { version: VERSION, catalog, instructions, audit: noAudit, logger };
  return { ...answerClient(parts), broken: new Promise<never>(() => {}) };
}

/** Returns the catalog of the core tools; every call, also one of another name, fails with the error. */
export async function refusingCatalog(error: RemoteExecError): Promise<Catalog> {
  const tools = await createTools(NO_CONFIG, noPorts());
  const refusing = tools.map((tool) => ({ ...tool, call: () => Promise.reject(error) }));
  return { list: createCatalog(refusing).list, find: () => refusing[0] };
}

/** Returns the error that every call gets. */
export const notConfigured = (faults: readonly Fault[]): RemoteExecError =>
  new RemoteExecError(
    "not_configured",
    `The server is not configured, so no tool works yet. All faults, each with its remedy:\n\n${
      formatFaults(faults)
    }`,
    "Tell the user these faults and remedies; the server must be restarted after the correction",
    { hasLines: true },
  );

/** Returns instructions of at most 1,900 characters, with as many faults as fit. */
export function unconfiguredInstructions(faults: readonly Fault[]): string {
  const rest = "\n- … (call any tool for the complete list)";
  let text = "This server is not configured: every tool call fails with the code not_configured. " +
    "Tell the user what has to be corrected in the configuration of this MCP server (its environment " +
    "variables or environment file), and to restart it afterwards:";
  for (const { message, remedy } of faults) {
    const line = `\n- ${oneLine(message)} -> ${oneLine(remedy)}`;
    if (text.length + line.length + rest.length > MAX_INSTRUCTIONS) return text + rest;
    text += line;
  }
  return text;
}

/** Enough of a configuration to describe the core tools. */
const NO_CONFIG: Config = {
  ssh: {
    host: "the SSH host (not configured yet)",
    port: VARIABLES.port.fallback,
    username: VARIABLES.username.fallback,
    login: { kind: "password", password: "" },
    knownHostsPaths: [],
    strictHostKeyChecking: true,
  },
  limits: {
    characterLimit: VARIABLES.characterLimit.fallback,
    maxFileBytes: VARIABLES.maxFileSize.fallback,
    timeoutMs: VARIABLES.timeoutSeconds.fallback * 1000,
  },
  jobs: {
    answerWithinMs: VARIABLES.answerWithinSeconds.fallback * 1000,
    maxOutputBytes: VARIABLES.jobMaxOutput.fallback,
    keepMs: 0,
  },
  directories: {
    maxEntries: VARIABLES.directoryMaxEntries.fallback,
    maxBytes: VARIABLES.directoryMaxSize.fallback,
  },
  files: { workingDirectory: "", roots: [], aliases: [], own: [] },
  auditLog: undefined,
  logLevel: VARIABLES.logLevel.fallback,
  proxmox: false,
  imageKit: undefined,
  r2: undefined,
  downloads: {
    host: VARIABLES.downloadHost.fallback,
    port: 0,
    portIsFixed: false,
    baseUrl: undefined,
    sessionId: "",
    apiKey: undefined,
    maxBytes: VARIABLES.downloadMaxSize.fallback,
    tls: undefined,
    bindAddress: false,
  },
  offer: {
    readOnly: false,
    words: [],
    tools: registeredTools({ proxmox: false, imageKit: undefined, r2: undefined })
      .map(({ name }) => name),
  },
  secrets: [],
  notices: [],
  origin: ENVIRONMENT_ONLY,
};

function noPorts(): Ports {
  const nobody: MessageEnd = { addEventListener() {}, postMessage() {} };
  return {
    ssh: remote<SshPort & TextPort>(nobody).port,
    downloads: remote<DownloadsPort>(nobody).port,
    transfers: undefined,
  };
}
