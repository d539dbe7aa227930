import { type Config, needsSudo } from "../config/config.ts";
import { offers, offersFamily } from "../config/offer.ts";
import { errorText, RemoteExecError } from "../errors.ts";
import { createLogger } from "../log.ts";
import { describeAccess } from "../sandbox/permissions.ts";
import { startWorkers } from "../server/workers.ts";
import { localChecks, originChecks, sshConfigChecks } from "./local_checks.ts";
import type { Check, SshPort } from "../ssh/port.ts";

/**
 * Checks what the server needs and prints one line per check: configuration, local files and addresses,
 * the host, Proxmox and the storage services if they are on.
 *
 * @returns the exit code: 0 if every check passed, else 1
 */
export async function runDoctor(config: Config, print: (text: string) => void): Promise<number> {
  const { alias, username, host, port } = config.ssh;
  const address = `${username}@${host}:${port}`;
  print(
    formatCheck({
      step: "configuration",
      ok: true,
      detail: `${alias === undefined ? "" : `${alias} is `}${address}, files in ${
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
  const sources = [...originChecks(config), ...sshConfigChecks(config)];
  for (const check of sources) print(formatCheck(check));
  const workers = startWorkers(config, createLogger("error", config.secrets));
  try {
    // Without a tool that needs the host, the worker must not connect to it.
    const host = offers(config.offer, "host") ? await workers.ssh.port.diagnose() : [];
    const checks = [
      ...localChecks(config),
      ...host,
      ...(offersFamily(config.offer, "proxmox") &&
          host.some(({ step, ok }) => step === "command" && ok)
        ? [await proxmox(workers.ssh.port, config)]
        : []),
      ...await workers.transfers?.port.diagnose() ?? [],
    ];
    for (const check of checks) print(formatCheck(check));
    print(`\n${describeAccess(config)}`);
    return config.notices.length === 0 && [...sources, ...checks].every(({ ok }) => ok) ? 0 : 1;
  } finally {
    await workers.stop(1_000);
  }
}

/** One line per check, and a second one with the remedy if there is one. */
export function formatCheck({ step, ok, detail, remedy }: Check): string {
  const line = `${ok ? "ok  " : "FAIL"} ${step}: ${detail}\n`;
  return remedy === undefined ? line : `${line}     -> ${remedy}\n`;
}

async function proxmox(port: SshPort, { limits, ssh }: Config): Promise<Check> {
  // Loaded only here: most configurations do not need it.
  const [{ SshService }, { ProxmoxService }] = await Promise.all([
    import("../ssh/service.ts"),
    import("../proxmox/service.ts"),
  ]);
  const step = "Proxmox";
  const context = { signal: new AbortController().signal, progress: undefined };
  try {
    const service = new SshService(port, limits, undefined, { needsSudo: needsSudo(ssh) });
    const { guests } = new ProxmoxService(service, limits);
    const { length } = await guests.listContainers(context);
    return { step, ok: true, detail: `${length} container${length === 1 ? "" : "s"} on the node` };
  } catch (error) {
    const remedy = error instanceof RemoteExecError ? error.suggestion : "Check ENABLE_PROXMOX";
    return { step, ok: false, detail: errorText(error), remedy };
  }
}
