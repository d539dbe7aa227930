import { writeAll } from "./stdio.ts";
import type { Config } from "../config/config.ts";
import type { Logger } from "../log.ts";
import { type AuditLog, createAuditLog, noAudit } from "../mcp/audit.ts";
import { createCatalog } from "../mcp/catalog.ts";
import { VERSION } from "../version.ts";
import { connectDownloads } from "./connect.ts";
import { instructions } from "./instructions.ts";
import { answerClient, type Running } from "./running.ts";
import { createTools } from "./tools.ts";
import type { Workers } from "./workers.ts";

/** Time for stopping what runs on the hosts, out of the two seconds that an exit may take. */
const STOP_MS = 1_600;

/** Wires workers, services, tools and stdio. When it returns, this isolate has no permissions left. */
export async function serve(config: Config, workers: Workers, logger: Logger): Promise<Running> {
  for (const notice of config.notices) logger.warn(notice);
  const audit = openAudit(config);
  const { ssh, hosts, downloads, transfers } = workers;
  const shared = { downloads: downloads?.port, transfers: transfers?.port };
  const several = hosts &&
    { ofHost: (await import("./host_ports.ts")).portsOfHosts(config, hosts, shared) };
  const ports = {
    ...{ ssh: ssh.port, ...shared, ...several },
    ...(hosts && { betweenHosts: hosts.between }),
  };
  const catalog = createCatalog(await createTools(config, ports));
  const introduction = instructions(config, catalog.list.map(({ name }) => name));
  const parts = { version: VERSION, catalog, instructions: introduction, audit, logger };
  const onEvent = audit.event;
  await Promise.all([
    workers.ready,
    downloads &&
    connectDownloads(downloads.port, hosts === undefined ? ssh.port : undefined, config, {
      onEvent,
      logger,
    }),
  ]);
  const client = answerClient(parts);
  return {
    broken: workers.died,
    ended: client.ended,
    async stop() {
      const startedAt = performance.now();
      await client.stop();
      await workers.stop(STOP_MS - (performance.now() - startedAt));
    },
  };
}

/** Opened before the permissions are dropped; written line by line, so that a kill loses nothing. */
function openAudit(config: Config): AuditLog {
  if (config.auditLog === undefined) return noAudit;
  const file = Deno.openSync(config.auditLog, { create: true, append: true, mode: 0o600 });
  return createAuditLog((line) => writeAll(file, line), config.secrets);
}
