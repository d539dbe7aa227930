import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import process from "node:process";
import type { Config } from "./config/config.ts";
import type { Logger } from "./log.ts";
import { type AuditLog, createAuditLog, noAudit } from "./mcp/audit.ts";
import { createCatalog } from "./mcp/catalog.ts";
import { createMcpServer } from "./mcp/server.ts";
import type { Tool } from "./mcp/tool.ts";
import { dropRights } from "./sandbox/drop_rights.ts";
import { permissionTable, type WorkerName, type WorkerRights } from "./sandbox/permissions.ts";
import { spawn } from "./sandbox/spawn.ts";
import type { SshPort } from "./ssh/port.ts";
import { SshService } from "./ssh/service.ts";
import { sshExecTool, sshFileTools } from "./ssh/tools.ts";
import { VERSION } from "./version.ts";

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
 * Wires configuration, workers, services, tools and stdio. When it returns, this isolate has no
 * rights any more.
 */
export async function serve(config: Config, logger: Logger): Promise<Running> {
  for (const notice of config.notices) logger.warn(notice);
  const audit = openAudit(config);
  const ssh = startSsh(config, logger);
  dropRights();
  const catalog = createCatalog(tools(config, ssh.port));
  const server = createMcpServer({
    version: VERSION,
    catalog,
    instructions: instructions(config),
    audit,
    logger,
  });
  await server.connect(new StdioServerTransport());
  return {
    broken: ssh.died,
    async stop() {
      await ssh.port.close(STOP_MS).catch(() => {});
      ssh.terminate();
    },
  };
}

/** Starts the ssh worker and configures it. */
export function startSsh(config: Config, logger: Logger) {
  const worker = spawn<SshPort>(rightsOf(config, "ssh"), logger);
  const { ssh, limits, files, logLevel, secrets } = config;
  // Calls are answered in order, so nothing has to wait for this one.
  worker.port.configure({ ssh, limits, files, logLevel, secrets }).catch((error) => {
    logger.error("the ssh module could not be configured", error);
  });
  return worker;
}

function tools(config: Config, port: SshPort): Tool[] {
  const host = { host: config.ssh.host, port: config.ssh.port, user: config.ssh.username };
  const ssh = new SshService(port, config.limits);
  return [
    sshExecTool(ssh, config.limits, host),
    ...(config.imageKit === undefined ? sshFileTools(ssh, host) : []),
  ];
}

function rightsOf(config: Config, name: WorkerName): WorkerRights {
  const rights = permissionTable(config).find((row) => row.worker === name);
  if (rights === undefined) throw new TypeError(`No rights for the worker ${name}`);
  return rights;
}

/** Opened before the rights are given up; written line by line, so that a kill loses nothing. */
function openAudit(config: Config): AuditLog {
  if (config.auditLog === undefined) return noAudit;
  const file = Deno.openSync(config.auditLog, { create: true, append: true, mode: 0o600 });
  const encoder = new TextEncoder();
  return createAuditLog((line) => {
    const bytes = encoder.encode(line);
    for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
  }, config.secrets);
}

function instructions(config: Config): string {
  return `Tools for the remote machine ${config.ssh.host} (login ${config.ssh.username}, over SSH). ` +
    `Local files are read and written in ${config.files.workingDirectory}.`;
}

/** Calls `stop` once, when the client goes away or the process is told to end. */
export function onEnd(stop: (reason: string) => void): void {
  let called = false;
  const once = (reason: string) => () => {
    if (!called) stop(reason);
    called = true;
  };
  process.stdin.once("end", once("stdin ended"));
  process.stdin.once("close", once("stdin closed"));
  process.stdout.once("error", once("stdout closed"));
  Deno.addSignalListener("SIGINT", once("SIGINT"));
  // Windows knows no SIGTERM.
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", once("SIGTERM"));
}
