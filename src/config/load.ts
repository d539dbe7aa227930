import { errorText, RemoteExecError } from "../errors.ts";
import type { Alias, Config, FilesConfig, Login } from "./config.ts";
import { attempt, type Fault, type Report } from "./faults.ts";
import { expandPath, isFilesystemRoot, type Machine, parentOf, resolveLinks } from "./paths.ts";
import { downloadsConfig, storageConfig } from "./optional_modules.ts";
import { ValueError } from "./parsers.ts";
import { secretsOf } from "./secrets.ts";
import { type Values, type Variable, VARIABLES } from "./variables.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export type Loaded =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly faults: readonly Fault[] };

const RISKS = `You must explicitly accept the risks before using this software.
Set environment variable: I_ACCEPT_RISKS=true

By setting this to 'true', you acknowledge that:
  - You understand the risks of giving AI system SSH access to your infrastructure
  - You are solely responsible for reviewing and approving commands
  - You have proper backups and disaster recovery procedures in place
  - You will not hold the developer(s) liable for any damages or losses

See README DISCLAIMER section for full details.`;

/**
 * Converts variables to a configuration, or to the list of all their faults. An empty variable
 * counts as not set.
 *
 * @param envFile the file that variables were read from, or may be read from at the next start
 */
export function loadConfig(env: Environment, machine: Machine, envFile = ".env"): Loaded {
  const faults: Fault[] = [];
  const report: Report = (message, remedy) => faults.push({ message, remedy });
  const values = readValues(env, report);
  // First: nobody should complete a configuration before accepting the risks.
  if (!values.acceptRisks) faults.unshift({ message: RISKS, remedy: "Set I_ACCEPT_RISKS=true" });
  const config = assemble(values, env, machine, envFile, report);
  return faults.length > 0 || config === undefined ? { ok: false, faults } : { ok: true, config };
}

function readValues(env: Environment, report: Report): Values {
  const entries = Object.entries<Variable<unknown>>(VARIABLES).map(([key, variable]) =>
    [key, readValue(variable, env, report)] as const
  );
  // The keys come from the table itself and every value from the parser in its row.
  return Object.fromEntries(entries) as Values;
}

function readValue<T>(variable: Variable<T>, env: Environment, report: Report): T {
  const name = [variable.name, ...variable.aliases].find((each) => (env[each] ?? "") !== "");
  if (name === undefined) return variable.fallback;
  try {
    return variable.parse(env[name] ?? "");
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    // The value may be a URL with a password.
    const shown = env[name]?.replace(/\/\/[^/]*@/, "//[redacted]@");
    const found = variable.secret ? "" : `: got "${shown}"`;
    report(`${name} ${error.message}${found}`, `Correct ${name}${alternative(variable)}`);
    return variable.fallback;
  }
}

function alternative({ name, shown }: Variable<unknown>): string {
  if (name === "HOST") return "; set the user in SSH_USERNAME and the port in SSH_PORT";
  return shown === "" ? ", or remove it" : ", or remove it to use the default";
}

function assemble(
  values: Values,
  env: Environment,
  machine: Machine,
  envFile: string,
  report: Report,
): Config | undefined {
  if (values.host === undefined && !env.HOST) {
    report(
      "No SSH host configuration found. Set HOST environment variable",
      "Set HOST to the name or address of the SSH host",
    );
  }
  const login = attempt(report, () => chooseLogin(values, machine));
  const files = chooseFiles(values, machine, report);
  const knownHostsPaths = attempt(report, () => knownHosts(values, env, machine));
  const auditLog = attempt(report, () => chooseAuditLog(values, machine));
  const links = downloadsConfig(values, machine, report);
  const { imageKit, r2, notices } = storageConfig(values, report);
  if (!values.host || !login || !files || !knownHostsPaths) return undefined;
  return {
    ssh: {
      host: values.host,
      port: values.port,
      username: values.username,
      login,
      knownHostsPaths,
      strictHostKeyChecking: values.strictHostKeyChecking,
    },
    limits: {
      characterLimit: values.characterLimit,
      maxFileBytes: values.maxFileSize,
      timeoutMs: values.timeoutSeconds * 1000,
    },
    files: {
      ...files,
      own: underAllNames([
        ...[".env", envFile].map((path) => expandPath(path, machine)),
        ...(login.kind === "key" ? [login.path] : []),
        ...knownHostsPaths,
        ...(auditLog ? [auditLog] : []),
        ...(links.tls ? [links.tls.certPath, links.tls.keyPath] : []),
      ], machine),
    },
    auditLog,
    logLevel: values.logLevel,
    proxmox: values.enableProxmox,
    imageKit,
    r2,
    downloads: links,
    secrets: secretsOf(values),
    notices,
  };
}

function chooseLogin(values: Values, machine: Machine): Login {
  if (values.keyPath !== undefined) {
    if (/PRIVATE KEY|\n/.test(values.keyPath)) throw keyInsteadOfPath();
    const path = expandPath(values.keyPath, machine);
    if (machine.kind(path) !== "file") throw keyMissing(values.keyPath);
    return { kind: "key", path: machine.realPath(path), passphrase: values.keyPassphrase };
  }
  if (values.password !== undefined) return { kind: "password", password: values.password };
  if (values.agentSocket !== undefined) {
    return { kind: "agent", socket: expandPath(values.agentSocket, machine) };
  }
  throw new RemoteExecError(
    "configuration",
    "No authentication configured. Set SSH_PASSWORD or SSH_KEY environment variable",
    "Set SSH_KEY to a private key file, or SSH_PASSWORD, or start an agent (SSH_AUTH_SOCK)",
  );
}

/** The message does not quote the value, because it is the key. */
const keyInsteadOfPath = () =>
  new RemoteExecError(
    "configuration",
    "SSH_KEY contains a private key instead of the path of a private key file",
    "Write the key to a file with mode 600 and set SSH_KEY to its path",
  );

const keyMissing = (path: string) =>
  new RemoteExecError(
    "configuration",
    `SSH key file not found: ${path}. Verify SSH_KEY environment variable points to a valid private key file.`,
    "Set SSH_KEY to the path of the private key (not the .pub file)",
  );

/** Each path as written and with links resolved: a tool may name the file either way. */
const underAllNames = (paths: readonly string[], machine: Machine): string[] => [
  ...new Set(paths.flatMap((path) => [path, resolveLinks(path, machine)])),
];

function chooseFiles(
  values: Values,
  machine: Machine,
  report: Report,
): Omit<FilesConfig, "own"> | undefined {
  const { workingDirectory } = values;
  const working = attempt(
    report,
    () =>
      workingDirectory === undefined
        ? defaultDirectory(machine)
        : existingDirectory("WORKING_DIRECTORY", workingDirectory, machine),
  );
  const more = (values.allowedDirectories ?? "").split(machine.windows ? ";" : ":")
    .filter((path) => path !== "")
    .map((path) => attempt(report, () => existingDirectory("ALLOWED_DIRECTORIES", path, machine)));
  if (working === undefined) return undefined;
  const all = [working, ...more.filter((each) => each !== undefined)];
  return {
    workingDirectory: working.real,
    roots: [...new Set(all.map(({ real }) => real))],
    aliases: all.filter(({ path, real }) => path !== real),
  };
}

function defaultDirectory(machine: Machine): Alias {
  if (!isFilesystemRoot(machine.cwd, machine)) return aliasOf(machine.cwd, machine);
  if (machine.home === undefined) throw noDirectory("the home directory is not known");
  const path = expandPath("~/mcp-remote-exec", machine);
  try {
    machine.makeDirectory(path);
    return aliasOf(path, machine);
  } catch (error) {
    throw noDirectory(`${path} cannot be created: ${errorText(error)}`);
  }
}

const noDirectory = (why: string) =>
  new RemoteExecError(
    "configuration",
    `WORKING_DIRECTORY is not set, the current directory is the root, and ${why}`,
    "Set WORKING_DIRECTORY to the directory for local files",
  );

function existingDirectory(name: string, value: string, machine: Machine): Alias {
  const path = expandPath(value, machine);
  if (machine.kind(path) === "directory") return aliasOf(path, machine);
  throw new RemoteExecError(
    "configuration",
    `${name} names "${value}", which is not a directory`,
    `Create the directory, or correct ${name}`,
  );
}

const aliasOf = (path: string, machine: Machine): Alias => ({ path, real: machine.realPath(path) });

function chooseAuditLog({ auditLog }: Values, machine: Machine): string | undefined {
  if (auditLog === undefined) return undefined;
  const path = expandPath(auditLog, machine);
  const isDirectory = machine.kind(path) === "directory";
  if (!isDirectory && machine.kind(parentOf(path, machine)) === "directory") return path;
  throw new RemoteExecError(
    "configuration",
    `AUDIT_LOG names "${auditLog}", ${
      isDirectory ? "which is a directory" : "whose directory is missing"
    }`,
    "Create the directory and name a file in it, or correct AUDIT_LOG",
  );
}

function knownHosts(values: Values, env: Environment, machine: Machine): string[] {
  const system = machine.windows
    ? `${env.ProgramData ?? "C:\\ProgramData"}\\ssh\\ssh_known_hosts`
    : "/etc/ssh/ssh_known_hosts";
  if (values.knownHosts !== undefined) return [expandPath(values.knownHosts, machine), system];
  return machine.home === undefined
    ? [system]
    : [expandPath("~/.ssh/known_hosts", machine), system];
}
