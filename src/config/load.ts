import { RemoteExecError } from "../errors.ts";
import { redactor } from "../log.ts";
import type { Config } from "./config.ts";
import { chooseDirectories, uselessDirectories } from "./directories.ts";
import { attempt, type Fault, type Report } from "./faults.ts";
import { type Environment, isSet, NOT_SHOWN, shownValue } from "./environment.ts";
import { keyPaths } from "./ssh/login.ts";
import { chooseTools, oddOffer } from "./offer.ts";
import { chooseHosts, usableHosts } from "./ssh/hosts.ts";
import { ENVIRONMENT_ONLY, type Origin, type Remark, withOrigin } from "./origin.ts";
import { expandPath, type Machine, parentOf, remembering, resolveLinks } from "./paths.ts";
import { ConfigFiles } from "./ssh_config/files.ts";
import { chooseHost, type ChosenHost, isNamedInConfig, knownHostNames } from "./ssh/ssh_host.ts";
import { downloadsConfig, storageConfig } from "./optional_modules.ts";
import { ValueError } from "./variables/parsers.ts";
import { isSecret, secretsOf } from "./secrets.ts";
import { hostVariable } from "./variables/environment_names.ts";
import { type Values, type Variable, VARIABLES } from "./variables/variables.ts";

export type Loaded =
  | { readonly ok: true; readonly config: Config }
  | {
    readonly ok: false;
    readonly faults: readonly Fault[];
    /** The server must exit, instead of reporting the faults to its client. */
    readonly strictStart: boolean;
  };

/** What a person has to accept. */
export const RISKS = `You must explicitly accept the risks before using this software.
Set environment variable: I_ACCEPT_RISKS=true

By setting this to 'true', you acknowledge that:
  - You understand the risks of giving AI system SSH access to your infrastructure
  - You are solely responsible for reviewing and approving commands
  - You have proper backups and disaster recovery procedures in place
  - You will not hold the developer(s) liable for any damages or losses

See README DISCLAIMER section for full details.`;

const RISKS_FAULT: Fault = { message: RISKS, remedy: "Set I_ACCEPT_RISKS=true" };

/**
 * Converts variables to a configuration, or to the list of all their faults, each with the file that its
 * value comes from, and the remarks. An empty variable and a placeholder count as not set.
 */
export function loadConfig(
  env: Environment,
  machine: Machine,
  origin: Origin = ENVIRONMENT_ONLY,
): Loaded {
  const faults: Fault[] = [];
  const report: Report = (message, remedy) => faults.push(withOrigin({ message, remedy }, origin));
  const values = readValues(env, report);
  // First: nobody should complete a configuration before accepting the risks.
  if (!values.acceptRisks) faults.unshift(withOrigin(RISKS_FAULT, origin));
  const config = assemble(values, env, machine, origin, report);
  if (config !== undefined && faults.length === 0) return { ok: true, config };
  const remarks = origin.remarks.map(({ message, remedy }) => ({ message, remedy }));
  // A password that was also set in the wrong variable must not be shown as that one's value.
  const secrets = secretsOf(values);
  // Some parsers turn their text into lower case.
  const redact = redactor([...secrets, ...secrets.map((secret) => secret.toLowerCase())]);
  const all = [...faults, ...remarks].map(({ message, remedy }) => ({
    message: redact(message),
    remedy: redact(remedy),
  }));
  return { ok: false, faults: all, strictStart: values.strictStart };
}

/** Returns STRICT_START alone, for a configuration that cannot be read. */
export const isStrictStart = (env: Environment): boolean =>
  readValue(VARIABLES.strictStart, env, () => {});

/** Returns the names of the hosts in the SSH configuration; none if it cannot be read. */
export function hostNamesIn(env: Environment, machine: Machine): string[] {
  const ignore: Report = () => {};
  return knownHostNames(readValues(env, ignore), env, machine, new ConfigFiles(machine), ignore);
}

/**
 * Returns how to reach one host, whether or not a login for it is configured, or all faults.
 *
 * @param port replaces that of the variables and of the SSH configuration
 */
export function loadHost(
  name: string,
  port: string | undefined,
  env: Environment,
  machine: Machine,
): { readonly ok: true; readonly host: ChosenHost } | { readonly ok: false; faults: Fault[] } {
  const faults: Fault[] = [];
  const report: Report = (message, remedy) => faults.push({ message, remedy });
  const own = name === env.HOST ? env.SSH_PORT : undefined;
  const given = withVariables(env, { SSH_PORT: port ?? own, SSH_USERNAME: undefined });
  // Faults of variables that have nothing to do with the host are not of interest here.
  const values = readValues(given, () => {});
  const login = { keyPath: undefined, password: "" };
  const files = new ConfigFiles(machine);
  const host = chooseHost(name, { ...values, ...login }, given, machine, report, files);
  return host === undefined || faults.length > 0 ? { ok: false, faults } : { ok: true, host };
}

/** Not a copy: the secrets of single hosts are read when they are asked for. */
const withVariables = (env: Environment, others: Environment): Environment =>
  new Proxy(env, {
    get: (known, name) => Reflect.get(Object.hasOwn(others, name) ? others : known, name),
  });

function readValues(env: Environment, report: Report): Values {
  const entries = Object.entries<Variable<unknown>>(VARIABLES).map(([key, variable]) =>
    [key, readValue(variable, env, report)] as const
  );
  // The keys come from the table itself and every value from the parser in its row.
  return Object.fromEntries(entries) as Values;
}

function readValue<T>(variable: Variable<T>, env: Environment, report: Report): T {
  const name = [variable.name, ...variable.aliases].find((each) => isSet(env[each]));
  if (name === undefined) return variable.fallback;
  try {
    return variable.parse(env[name] ?? "");
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    const found = variable.secret ? "" : `: got ${shownMistake(env[name] ?? "", error, env)}`;
    report(`${name} ${error.message}${found}`, `Correct ${name}${alternative(variable)}`);
    return variable.fallback;
  }
}

function shownMistake(value: string, { plausible }: ValueError, env: Environment): string {
  return plausible.test(value) && !isSecret(value, env) ? shownValue(value) : NOT_SHOWN;
}

function alternative({ name, shown }: Variable<unknown>): string {
  if (name === "HOST") return "; set the user in SSH_USERNAME and the port in SSH_PORT";
  return shown === "" ? ", or remove it" : ", or remove it to use the default";
}

function assemble(
  values: Values,
  env: Environment,
  machine: Machine,
  origin: Origin,
  report: Report,
): Config | undefined {
  const read = new Set<string>();
  const found: Remark[] = [];
  const secrets: string[] = [];
  const unchanged = remembering(machine);
  const sshFiles = new ConfigFiles(unchanged);
  const chosen = chooseHosts(values, {
    env,
    chooseHost(name, values, env, report) {
      const chosen = chooseHost(name, values, env, unchanged, report, sshFiles);
      if (chosen === undefined) return undefined;
      for (const path of chosen.files) read.add(path);
      found.push(...chosen.remarks);
      secrets.push(...chosen.secrets);
      const sudoPassword = env[hostVariable("SUDO_PASSWORD_", name)];
      if (values.hosts === undefined || !isSet(sudoPassword)) {
        return { ...chosen.ssh, ...sudoConfig(values) };
      }
      secrets.push(sudoPassword);
      return { ...chosen.ssh, sudo: { password: sudoPassword } };
    },
    isNamed: (name) => isNamedInConfig(name, values, env, unchanged, sshFiles),
    knownNames: once(() => knownHostNames(values, env, unchanged, sshFiles, report)),
  }, report);
  const files = chooseDirectories(values, machine, report);
  const auditLog = attempt(report, () => chooseAuditLog(values, machine));
  const links = downloadsConfig(values, machine, report);
  const { imageKit, r2, notices } = storageConfig(values, report);
  const modules = { proxmox: chosen?.proxmox ?? values.enableProxmox, imageKit, r2 };
  const offer = chooseTools(values, { ...modules, ...chosen }, report);
  if (!chosen || !files) return undefined;
  const { ssh, hosts } = chosen;
  return {
    ssh,
    ...(hosts === undefined ? {} : { hosts }),
    limits: {
      characterLimit: values.characterLimit,
      maxFileBytes: values.maxFileSize,
      timeoutMs: values.timeoutSeconds * 1000,
    },
    jobs: {
      answerWithinMs: values.answerWithinSeconds * 1000,
      maxOutputBytes: values.jobMaxOutput,
      keepMs: values.jobKeepHours * 3_600_000,
    },
    directories: {
      maxEntries: values.directoryMaxEntries,
      maxBytes: values.directoryMaxSize,
    },
    files: {
      ...files,
      own: underAllNames([
        ...new Set([
          expandPath(".env", machine),
          ...(origin.file ? [origin.file] : []),
          ...read,
          ...usableHosts(chosen).flatMap((host) => [...host.jumps ?? [], host])
            .flatMap(({ login, knownHostsPaths }) => [...keyPaths(login), ...knownHostsPaths]),
          ...(auditLog ? [auditLog] : []),
          ...(links.tls ? [links.tls.certPath, links.tls.keyPath] : []),
          ...machine.program,
        ]),
      ], machine),
    },
    auditLog,
    logLevel: values.logLevel,
    ...modules,
    downloads: links,
    offer,
    secrets: [...new Set([...secretsOf(values), ...secrets])],
    notices,
    origin: {
      ...origin,
      remarks: [
        ...origin.remarks,
        ...new Map(found.map((remark) => [remark.message, remark])).values(),
        ...uselessDirectories(files, machine),
        ...oddOffer(offer, values),
      ],
    },
  };
}

function sudoConfig({ sudo, sudoPassword: password }: Values): Pick<Config["ssh"], "sudo"> {
  if (password !== undefined) return { sudo: { password } };
  return sudo ? { sudo: {} } : {};
}

/** Each path as written and with links resolved: a tool may name the file either way. */
const underAllNames = (paths: readonly string[], machine: Machine): string[] => [
  ...new Set([...new Set(paths)].flatMap((path) => [path, resolveLinks(path, machine)])),
];

function chooseAuditLog({ auditLog }: Values, machine: Machine): string | undefined {
  if (auditLog === undefined) return undefined;
  const path = expandPath(auditLog, machine);
  const kind = machine.kind(path);
  const isUsable = kind === "file" || kind === "missing";
  if (isUsable && machine.kind(parentOf(path, machine)) === "directory") return path;
  const found = kind === "directory" ? "which is a directory" : "which is not a regular file";
  throw new RemoteExecError(
    "configuration",
    `AUDIT_LOG names ${shownValue(auditLog)}, ${isUsable ? "whose directory is missing" : found}`,
    "Create the directory and name a file in it, or correct AUDIT_LOG",
  );
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
