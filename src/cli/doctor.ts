import type { Config, Limits } from "../config/config.ts";
import { errorText, RemoteExecError } from "../errors.ts";
import { createLogger } from "../log.ts";
import { formatPermissions, permissionTable } from "../sandbox/permissions.ts";
import { startWorkers } from "../server/workers.ts";
import type { Check, SshPort } from "../ssh/port.ts";

/**
 * Checks what the server needs and prints one line per check: configuration, the server's own files,
 * the host, Proxmox and the storage services if they are on. It does not check whether the address
 * of the download links is free, because a running server may be using it.
 *
 * @returns the exit code: 0 if every check passed, else 1
 */
export async function runDoctor(config: Config, print: (text: string) => void): Promise<number> {
  print(
    formatCheck({
      step: "configuration",
      ok: true,
      detail: `${config.ssh.username}@${config.ssh.host}:${config.ssh.port}, files in ${
        config.files.roots.join(", ")
      }`,
    }),
  );
  for (const notice of config.notices) {
    print(
      formatCheck({
        step: "configuration",
        ok: false,
        detail: notice,
        remedy: "Set the missing variables, or remove the others",
      }),
    );
  }
  const workers = startWorkers(config, createLogger("error", config.secrets));
  try {
    const host = await workers.ssh.port.diagnose();
    const checks = [
      ...ownFiles(config),
      ...host,
      ...(config.proxmox && host.every(({ ok }) => ok)
        ? [await proxmox(workers.ssh.port, config.limits)]
        : []),
      ...await workers.transfers?.port.diagnose() ?? [],
    ];
    for (const check of checks) print(formatCheck(check));
    print(`\n${formatPermissions(permissionTable(config))}`);
    return config.notices.length === 0 && checks.every((check) => check.ok) ? 0 : 1;
  } finally {
    await workers.stop(1_000);
  }
}

/** One line per check, and a second one with the remedy if there is one. */
export function formatCheck({ step, ok, detail, remedy }: Check): string {
  const line = `${ok ? "ok  " : "FAIL"} ${step}: ${detail}\n`;
  return remedy === undefined ? line : `${line}     -> ${remedy}\n`;
}

function ownFiles({ auditLog, downloads: { tls } }: Config): Check[] {
  const audit = auditLog &&
    attempt("audit log", "Correct AUDIT_LOG, or allow the server to write there", () => {
      Deno.openSync(auditLog, { create: true, append: true, mode: 0o600 }).close();
      return auditLog;
    });
  const remedy =
    "Check that DOWNLOAD_TLS_CERT and DOWNLOAD_TLS_KEY are PEM files that belong together";
  const certificate = tls && attempt("certificate", remedy, () => {
    const [cert, key] = [Deno.readTextFileSync(tls.certPath), Deno.readTextFileSync(tls.keyPath)];
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key }).close();
    return tls.certPath;
  });
  return [audit, certificate].filter((check) => typeof check === "object");
}

function attempt(step: string, remedy: string, run: () => string): Check {
  try {
    return { step, ok: true, detail: run() };
  } catch (error) {
    return { step, ok: false, detail: errorText(error), remedy };
  }
}

async function proxmox(port: SshPort, limits: Limits): Promise<Check> {
  // Loaded only here: most configurations do not need it.
  const [{ SshService }, { ProxmoxService }] = await Promise.all([
    import("../ssh/service.ts"),
    import("../proxmox/service.ts"),
  ]);
  const step = "Proxmox";
  const context = { signal: new AbortController().signal, progress: undefined };
  try {
    const { guests } = new ProxmoxService(new SshService(port, limits), limits);
    const { length } = await guests.listContainers(context);
    return { step, ok: true, detail: `${length} container${length === 1 ? "" : "s"} on the node` };
  } catch (error) {
    const remedy = error instanceof RemoteExecError ? error.suggestion : "Check ENABLE_PROXMOX";
    return { step, ok: false, detail: errorText(error), remedy };
  }
}
