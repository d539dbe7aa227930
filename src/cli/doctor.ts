import type { Config, SshConfig } from "../config/config.ts";
import type { Fault } from "../config/faults.ts";
import { usableHosts } from "../config/ssh/hosts.ts";
import { escaped } from "../errors.ts";
import { createLogger } from "../log.ts";
import { describeAccess, nameOf, permissionTable } from "../sandbox/permissions.ts";
import { startWorkers } from "../server/workers.ts";
import type { Check } from "../ssh/port.ts";
import { VERSION } from "../version.ts";
import { type DoctorCheck, hostChecks } from "./host_checks.ts";
import { linkUrlChecks } from "./link_url_check.ts";
import { localChecks, originChecks, sshConfigChecks } from "./local_checks.ts";

/** The form of the JSON; a change that breaks a script raises it. */
const JSON_VERSION = 1;

/**
 * Checks what the server needs: configuration, local files and addresses, the URL of the links, every host, Proxmox
 * and the storage services if they are on. Prints one line per check, or one JSON object at the end.
 *
 * @returns the exit code: 0 if every check passed, else 1
 */
export async function runDoctor(
  config: Config,
  print: (text: string) => void,
  asJson = false,
): Promise<number> {
  const checks: DoctorCheck[] = [];
  const report = (found: readonly DoctorCheck[]) => {
    checks.push(...found);
    if (!asJson) { for (const check of found) print(formatCheck(check)); }
  };
  report([...configurationChecks(config), ...originChecks(config), ...sshConfigChecks(config)]);
  const workers = startWorkers(config, createLogger("error", config.secrets));
  try {
    report(localChecks(config));
    report(await linkUrlChecks(config));
    report(await hostChecks(config, workers));
    report(await workers.transfers?.port.diagnose() ?? []);
  } finally {
    await workers.stop(1_000);
  }
  const isOk = checks.every(({ ok }) => ok);
  print(asJson ? formatJson(checks, permissionTable(config)) : `\n${describeAccess(config)}`);
  return isOk ? 0 : 1;
}

/** Returns the JSON for a configuration that cannot be used. */
export const formatFaultsAsJson = (faults: readonly Fault[]): string =>
  formatJson(
    faults.map(({ message, remedy }) => ({
      ...{ step: "configuration", ok: false, detail: message, remedy },
    })),
    [],
  );

/** One line per check, and a second one with the remedy if there is one. */
export function formatCheck({ host, step, ok, detail, remedy }: DoctorCheck): string {
  const name = host === undefined ? step : `${host}: ${step}`;
  const line = `${ok ? "ok  " : "FAIL"} ${name}: ${detail}\n`;
  return linesOf(remedy === undefined ? line : `${line}     -> ${remedy}\n`);
}

/** A worker talks to hosts, so what it answers may not steer the terminal. */
const linesOf = (text: string): string => text.split("\n").map(escaped).join("\n");

function formatJson(
  checks: readonly DoctorCheck[],
  table: ReturnType<typeof permissionTable>,
): string {
  const result = {
    ...{ version: JSON_VERSION, program: VERSION, ok: checks.every(({ ok }) => ok) },
    checks: checks.map(({ host = null, step, ok, detail, remedy = null }) => ({
      ...{ host, step, ok, detail, remedy },
    })),
    workers: table.map(({ worker, host = null, net, read, write }) => ({
      ...{ worker, host, net, read, write },
    })),
  };
  return `${JSON.stringify(result, null, 2)}\n`;
}

function configurationChecks(config: Config): DoctorCheck[] {
  const step = "configuration";
  const hosts = usableHosts(config).map((ssh): DoctorCheck => ({
    ...(config.hosts === undefined ? {} : { host: nameOf(ssh) }),
    ...{ step, ok: true, detail: `${loginOf(ssh)}, files in ${config.files.roots.join(", ")}` },
  }));
  const remedy = "Set the missing variables, or remove the others";
  return [
    ...hosts,
    ...config.notices.map((detail): Check => ({ step, ok: false, detail, remedy })),
  ];
}

const loginOf = ({ alias, username, host, port }: SshConfig): string =>
  `${alias === undefined ? "" : `${alias} is `}${username}@${host}:${port}`;
