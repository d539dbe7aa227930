import type { Config, SshConfig } from "../config/config.ts";
import { usableHosts } from "../config/hosts.ts";
import { createLogger } from "../log.ts";
import { describeAccess } from "../sandbox/permissions.ts";
import { startWorkers } from "../server/workers.ts";
import { hostChecks } from "./host_checks.ts";
import { localChecks, originChecks, sshConfigChecks } from "./local_checks.ts";
import type { Check } from "../ssh/port.ts";

/**
 * Checks what the server needs and prints one line per check: configuration, local files and addresses,
 * the host, Proxmox and the storage services if they are on.
 *
 * @returns the exit code: 0 if every check passed, else 1
 */
export async function runDoctor(config: Config, print: (text: string) => void): Promise<number> {
  for (const ssh of usableHosts(config)) {
    const detail = `${loginOf(ssh)}, files in ${config.files.roots.join(", ")}`;
    print(formatCheck({ step: "configuration", ok: true, detail }));
  }
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
    const checks = [
      ...localChecks(config),
      ...await hostChecks(config, workers),
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

const loginOf = ({ alias, username, host, port }: SshConfig): string =>
  `${alias === undefined ? "" : `${alias} is `}${username}@${host}:${port}`;
