import type { Config } from "../config/config.ts";
import { createLogger } from "../log.ts";
import { formatPermissions, permissionTable } from "../sandbox/permissions.ts";
import { startWorkers } from "../start_workers.ts";
import type { Check } from "../ssh/port.ts";

/** Checks everything that the server needs, a line each. Gives the exit code: 0 when all is well. */
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
    const checks = [
      ...await workers.ssh.port.diagnose(),
      ...await workers.transfers?.port.diagnose() ?? [],
    ];
    for (const check of checks) print(formatCheck(check));
    print(`\n${formatPermissions(permissionTable(config))}`);
    return config.notices.length === 0 && checks.every((check) => check.ok) ? 0 : 1;
  } finally {
    await workers.stop(1_000);
  }
}

/** One line, and the remedy below it where there is something to do. */
export function formatCheck({ step, ok, detail, remedy }: Check): string {
  const line = `${ok ? "ok  " : "FAIL"} ${step}: ${detail}\n`;
  return remedy === undefined ? line : `${line}     -> ${remedy}\n`;
}
