import type { Config, HostsConfig, NamedHost, SshConfig } from "../config.ts";
import { type Environment, isSet, shownValue } from "../environment.ts";
import type { Fault, Report } from "../faults.ts";
import { hostVariable } from "../variables/environment_names.ts";
import type { Values } from "../variables/variables.ts";
import { matchesPattern } from "../ssh_config/patterns.ts";

/** Returns how to reach one host, or reports why that is not known. */
export type ChooseHost = (
  name: string,
  values: Values,
  env: Environment,
  report: Report,
) => SshConfig | undefined;

/** What the choice needs to know. */
export interface HostsContext {
  readonly env: Environment;
  readonly chooseHost: ChooseHost;
  /** The names that a pattern of HOSTS may match. */
  readonly knownNames: () => readonly string[];
  /** Reports whether the SSH configuration says how to reach a host. */
  readonly isNamed: (name: string) => boolean;
}

/** The hosts of a configuration. */
export type ChosenHosts = Pick<Config, "ssh" | "hosts"> & {
  readonly proxmox: boolean;
};

/**
 * Returns the hosts that HOST and HOSTS name. With one host, `hosts` is undefined and `ssh` is that host;
 * otherwise `ssh` is the default host, or the first one that can be used.
 */
export function chooseHosts(
  values: Values,
  context: HostsContext,
  report: Report,
): ChosenHosts | undefined {
  const names = hostNames(values, context, report);
  checkProxmox(values, names, report);
  // Without a host, the faults of the login are still worth reporting.
  if (names.length === 0) context.chooseHost("localhost", values, context.env, report);
  const list = names.map((name) => hostOf(name, values, context, report));
  const usable = list.flatMap(({ name, ssh }) => ssh === undefined ? [] : [{ name, ssh }]);
  const jumps = usable.flatMap(({ ssh }) => ssh.jumps ?? []).map(({ alias, host }) =>
    alias ?? host
  );
  checkSecrets(names, jumps, context, report);
  const ssh = (usable.find(({ name }) => name === values.host) ?? usable[0])?.ssh;
  if (ssh === undefined) {
    const faults = new Map(
      list.flatMap(({ fault }) => fault ? [[fault.message, fault.remedy]] : []),
    );
    for (const [message, remedy] of faults) report(message, remedy);
    return undefined;
  }
  const hosts: HostsConfig = { list, defaultName: values.host, maxWorkers: values.maxHostWorkers };
  return {
    ssh,
    ...(list.length > 1 ? { hosts } : {}),
    proxmox: list.some(({ proxmox }) => proxmox),
  };
}

/** Returns the hosts that calls can reach. */
export const usableHosts = ({ ssh, hosts }: Pick<Config, "ssh" | "hosts">): SshConfig[] =>
  hosts?.list.flatMap((host) => host.ssh ?? []) ?? [ssh];

/** HOST comes first, also if HOSTS does not name it. */
function hostNames(
  { host, hosts = [] }: Values,
  { env, knownNames }: HostsContext,
  report: Report,
): string[] {
  const names = new Set(host === undefined ? [] : [host]);
  for (const word of hosts) {
    const matching = isPattern(word)
      ? knownNames().filter((name) => matchesPattern(name, word))
      : [word];
    for (const name of matching) names.add(name);
    if (matching.length === 0) {
      report(
        `HOSTS has the pattern "${word}", which matches no name in the SSH configuration`,
        "Correct the pattern, or name the hosts one by one",
      );
    }
  }
  if (names.size === 0 && hosts.length === 0 && !isSet(env.HOST) && !isSet(env.HOSTS)) {
    report(
      "No SSH host configuration found. Set HOST environment variable",
      "Set HOST to the name or address of the SSH host",
    );
  }
  return [...names];
}

const isPattern = (word: string): boolean => /[*?]/.test(word);

function hostOf(name: string, values: Values, context: HostsContext, report: Report): NamedHost {
  const { chooseHost, env, knownNames, isNamed } = context;
  const isDefault = name === values.host;
  const proxmox = isProxmox(name, values);
  if (values.hosts === undefined) {
    return { name, ssh: chooseHost(name, values, env, report), proxmox };
  }
  const isShared = isDefault || !knownNames().includes(name) && !isNamed(name);
  const faults: Fault[] = [];
  const collect: Report = (message, remedy) => faults.push({ message, remedy });
  const ssh = chooseHost(
    name,
    withOwnPassword(name, isShared ? values : withoutLogin(values), env),
    isShared ? env : withoutLoginVariables(env),
    collect,
  );
  const [fault] = faults;
  return fault === undefined ? { name, ssh, proxmox } : { name, ssh: undefined, fault, proxmox };
}

/** The login of HOST is not offered to a host that the SSH configuration names. */
const withoutLogin = (values: Values): Values => ({
  ...values,
  keyPath: undefined,
  password: undefined,
  sudoPassword: undefined,
});

/** A host's own password precedes a key of all hosts. */
const withOwnPassword = (name: string, values: Values, env: Environment): Values =>
  isSet(env[hostVariable("SSH_PASSWORD_", name)]) ? { ...values, keyPath: undefined } : values;

/** Not a copy: the secrets of single hosts are read when they are asked for. */
const withoutLoginVariables = (env: Environment): Environment =>
  new Proxy(env, {
    get: (known, name) =>
      name === "SSH_USERNAME" || name === "SSH_PORT" ? undefined : Reflect.get(known, name),
  });

const isProxmox = (name: string, { host, enableProxmox, proxmoxHosts = [] }: Values): boolean =>
  (enableProxmox && name === host) || proxmoxHosts.some((word) => matchesPattern(name, word));

function checkProxmox(
  { host, hosts, enableProxmox, proxmoxHosts = [] }: Values,
  names: readonly string[],
  report: Report,
): void {
  if (enableProxmox && hosts !== undefined && host === undefined && proxmoxHosts.length === 0) {
    report(
      "ENABLE_PROXMOX is for HOST, which is not set",
      "Name the Proxmox VE servers in PROXMOX_HOSTS",
    );
  }
  for (const word of proxmoxHosts) {
    if (names.some((name) => matchesPattern(name, word))) continue;
    report(
      `PROXMOX_HOSTS names ${shownValue(word)}, which is not one of the hosts`,
      "Name hosts of HOSTS in PROXMOX_HOSTS",
    );
  }
}

/**
 * Two hosts whose names lead to one variable must not share its secret by accident. What follows the first line
 * of a password would be input of sudo's command.
 */
function checkSecrets(
  names: readonly string[],
  jumps: readonly string[],
  { env }: HostsContext,
  report: Report,
): void {
  for (const [prefix, secret] of SECRETS_OF_HOSTS) {
    const owners = new Map<string, string>();
    // A jump host has a login, but no sudo.
    const all = prefix === "SUDO_PASSWORD_" ? names : new Set([...names, ...jumps]);
    for (const name of all) {
      const variable = hostVariable(prefix, name);
      const other = owners.get(variable);
      owners.set(variable, name);
      if (prefix === "SUDO_PASSWORD_" && /[\n\r\0]/.test(env[variable] ?? "")) {
        report(`${variable} must be one line`, `Correct ${variable}`);
      }
      if (other === undefined || !isSet(env[variable])) continue;
      report(
        `${variable} could be the ${secret} of ${other} or of ${name}`,
        "Give one of the hosts another name in the SSH configuration",
      );
    }
  }
}

const SECRETS_OF_HOSTS = [
  ["SSH_PASSWORD_", "password"],
  ["SSH_KEY_PASSPHRASE_", "passphrase"],
  ["SUDO_PASSWORD_", "password"],
] as const;
