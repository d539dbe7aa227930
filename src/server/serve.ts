import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { valueWithin } from "../async/deadline.ts";
import { writeAll } from "./stdio.ts";
import type { Config } from "../config/config.ts";
import type { Logger } from "../log.ts";
import { type AuditLog, createAuditLog, noAudit } from "../mcp/audit.ts";
import { createCatalog } from "../mcp/catalog.ts";
import type { ToolResult } from "../mcp/result.ts";
import { RunningCalls } from "../mcp/running_calls.ts";
import { createMcpServer } from "../mcp/server.ts";
import { StdioTransport } from "../mcp/stdio/transport.ts";
import { dropPermissions } from "../sandbox/drop_permissions.ts";
import { VERSION } from "../version.ts";
import { connectDownloads } from "./connect.ts";
import { createTools } from "./tools.ts";
import type { Workers } from "./workers.ts";

/** Time for stopping what runs on the hosts, out of the two seconds that an exit may take. */
const STOP_MS = 1_600;
/** The part of that time in which cancelled calls may answer with their outcome. */
const OUTCOME_MS = 1_000;
/** The time after that for answers without an outcome. */
const ANSWER_MS = 200;

/** A server that answers its client. */
export interface Running {
  /** Resolves when the client is gone. */
  readonly ended: Promise<string>;
  /** Cancels the calls and sends their answers, stops what runs on the hosts, then the workers. */
  stop(): Promise<void>;
  /** Rejects when a worker has died and the process must end. */
  readonly broken: Promise<never>;
}

/** Wires workers, services, tools and stdio. When it returns, this isolate has no permissions left. */
export async function serve(config: Config, workers: Workers, logger: Logger): Promise<Running> {
  for (const notice of config.notices) logger.warn(notice);
  const audit = openAudit(config);
  const { ssh, downloads, transfers } = workers;
  const ports = { ssh: ssh.port, downloads: downloads.port, transfers: transfers?.port };
  const catalog = createCatalog(await createTools(config, ports));
  const parts = { version: VERSION, catalog, instructions: instructions(config), audit, logger };
  const onEvent = audit.event;
  await Promise.all([
    workers.ready,
    connectDownloads(downloads.port, ssh.port, config, { onEvent, logger }),
  ]);
  dropPermissions();
  const calls = new RunningCalls<ToolResult>();
  const transport = new StdioTransport(Deno.stdin, Deno.stdout, logger);
  const onerror = (error: Error) => logger.debug("protocol", error);
  serveStdio(() => createMcpServer(parts, calls), { transport, onerror });
  return {
    broken: workers.died,
    ended: transport.ended,
    async stop() {
      const startedAt = performance.now();
      await endCalls(calls, transport);
      await workers.stop(STOP_MS - (performance.now() - startedAt));
    },
  };
}

/** Cancels the calls; those that are too slow are answered without their outcome. */
async function endCalls(calls: RunningCalls<ToolResult>, transport: StdioTransport): Promise<void> {
  const idle = transport.idle();
  calls.cancel();
  await valueWithin(idle, OUTCOME_MS);
  calls.abandon();
  await valueWithin(idle, ANSWER_MS);
}

/** Opened before the permissions are dropped; written line by line, so that a kill loses nothing. */
function openAudit(config: Config): AuditLog {
  if (config.auditLog === undefined) return noAudit;
  const file = Deno.openSync(config.auditLog, { create: true, append: true, mode: 0o600 });
  return createAuditLog((line) => writeAll(file, line), config.secrets);
}

function instructions(config: Config): string {
  return `Tools for the remote machine ${config.ssh.host} (login ${config.ssh.username}, over SSH). ` +
    `Local files are read and written in ${config.files.workingDirectory}.`;
}
