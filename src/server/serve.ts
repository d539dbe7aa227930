import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import type { Config } from "../config/config.ts";
import type { Logger } from "../log.ts";
import { type AuditLog, createAuditLog, noAudit } from "../mcp/audit.ts";
import { createCatalog } from "../mcp/catalog.ts";
import { createMcpServer } from "../mcp/server.ts";
import { dropRights } from "../sandbox/drop_permissions.ts";
import type { Workers } from "./start_workers.ts";
import { assembleTools } from "./tools.ts";
import { VERSION } from "../version.ts";
import { writeAll } from "../cli/write_all.ts";

/** How long the far side gets to stop what runs there, of the two seconds that an exit may take. */
const STOP_MS = 1_600;

/** The server at work. */
export interface Running {
  /** Stops what runs on the host, then the workers. */
  stop(): Promise<void>;
  /** Rejects when a module has died and the process must end. */
  readonly broken: Promise<never>;
}

/**
 * Wires workers, services, tools and stdio. When it returns, this isolate has no rights any more.
 */
export async function serve(config: Config, workers: Workers, logger: Logger): Promise<Running> {
  for (const notice of config.notices) logger.warn(notice);
  const audit = openAudit(config);
  const catalog = createCatalog(await assembleTools(config, workers, audit, logger));
  const server = createMcpServer({
    version: VERSION,
    catalog,
    instructions: instructions(config),
    audit,
    logger,
  });
  await workers.ready;
  dropRights();
  await server.connect(new StdioServerTransport());
  return {
    broken: workers.died,
    stop: () => workers.stop(STOP_MS),
  };
}

/** Opened before the rights are given up; written line by line, so that a kill loses nothing. */
function openAudit(config: Config): AuditLog {
  if (config.auditLog === undefined) return noAudit;
  const file = Deno.openSync(config.auditLog, { create: true, append: true, mode: 0o600 });
  return createAuditLog((line) => writeAll(file, line), config.secrets);
}

function instructions(config: Config): string {
  return `Tools for the remote machine ${config.ssh.host} (login ${config.ssh.username}, over SSH). ` +
    `Local files are read and written in ${config.files.workingDirectory}.`;
}
