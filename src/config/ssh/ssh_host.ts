import { RemoteExecError } from "../../errors.ts";
import type { HostConfig, Login, SshConfig } from "../config.ts";
import { attempt, type Report } from "../faults.ts";
import { type Environment, isSet, shownValue } from "../environment.ts";
import { agentLogin, checkUnusedAgent, explicitLogin, sshLogin } from "./login.ts";
import type { Remark } from "../origin.ts";
import { expandPath, type Machine } from "../paths.ts";
import { chosenAlgorithms } from "../ssh_config/algorithms.ts";
import { evaluate, formatPlace, type HostQuery } from "../ssh_config/evaluate.ts";
import { ConfigFault, ConfigFiles } from "../ssh_config/files.ts";
import { HostSettings, type SettingsContext } from "../ssh_config/host_settings.ts";
import { namesIn } from "../ssh_config/names.ts";
import { refusalOf } from "../ssh_config/refusal.ts";
import { sourcesOf } from "../ssh_config/sources.ts";
import { configRoots, knownHostsFile, localUserOf, systemFile } from "./ssh_places.ts";
import { hostVariable, SYSTEM_VARIABLES } from "../variables/environment_names.ts";
import type { Values } from "../variables/variables.ts";

/** The host of a configuration, and what reading it has shown. */
export interface ChosenHost {
  readonly ssh: SshConfig;
  /** The files of the SSH configuration that were read. */
  readonly files: readonly string[];
  readonly remarks: readonly Remark[];
  /** Values of secret variables for single hosts. */
  readonly secrets: readonly string[];
}

/**
 * Returns how to reach HOST and log in: what the variables set, and else what the SSH configuration says.
 * Reports every fault; with one, the result is undefined.
 */
export function chooseHost(
  host: string,
  values: Values,
  env: Environment,
  machine: Machine,
  report: Report,
  files = new ConfigFiles(machine),
): ChosenHost | undefined {
  return tryStep(report, () => new HostChoice(values, env, machine, report, files))?.choose(host);
}

/** Returns the names in the SSH configuration, in its order. Reports a file that cannot be read. */
export const knownHostNames = (
  values: Values,
  env: Environment,
  machine: Machine,
  files: ConfigFiles,
  report: Report,
): string[] =>
  values.sshConfig?.toLowerCase() === "none"
    ? []
    : tryStep(report, () => namesIn(configRoots(values, env, machine), files, machine.home)) ?? [];

/** Reports whether the SSH configuration names a host, also by a pattern. True if it cannot be read. */
export function isNamedInConfig(
  name: string,
  values: Values,
  env: Environment,
  machine: Machine,
  files: ConfigFiles,
): boolean {
  if (values.sshConfig?.toLowerCase() === "none") return false;
  const query = { name, localUser: localUserOf(env, machine) };
  // Its faults are reported when the host is chosen.
  return tryStep(
    () => {},
    () => evaluate(configRoots(values, env, machine), files, machine, query).isNamed,
  ) ?? true;
}

/** Does the same as `attempt()`, also for faults of the SSH configuration. */
const tryStep = <T>(report: Report, step: () => T): T | undefined =>
  attempt(report, () => {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof ConfigFault)) throw error;
      throw new RemoteExecError("configuration", error.message, error.remedy);
    }
  });

class HostChoice {
  readonly #values: Values;
  readonly #env: Environment;
  readonly #machine: Machine;
  readonly #isOff: boolean;
  readonly #localUser: string | undefined;
  readonly #context: SettingsContext;
  readonly #report: Report;
  readonly #remarks: Remark[] = [];
  readonly #secrets: string[] = [];
  #explicitLogin: Login | undefined;
  #host = "";

  constructor(
    values: Values,
    env: Environment,
    machine: Machine,
    report: Report,
    files: ConfigFiles,
  ) {
    this.#report = report;
    this.#values = values;
    this.#env = env;
    this.#machine = machine;
    this.#isOff = values.sshConfig?.toLowerCase() === "none";
    this.#localUser = localUserOf(env, machine);
    this.#context = {
      roots: this.#isOff ? [] : configRoots(values, env, machine),
      files,
      machine,
      variables: (name) => READABLE.includes(name) && isSet(env[name]) ? env[name] : undefined,
    };
  }

  choose(host: string): ChosenHost | undefined {
    this.#host = host;
    const settings = tryStep(this.#report, () =>
      this.#settings({
        name: host,
        user: isSet(this.#env.SSH_USERNAME) ? this.#values.username : undefined,
        port: isSet(this.#env.SSH_PORT) ? this.#values.port : undefined,
      }));
    if (settings === undefined) return undefined;
    const login = tryStep(this.#report, () => this.#login(settings));
    const config = tryStep(this.#report, () => this.#hostConfig(settings));
    const jumps = tryStep(this.#report, () => this.#jumps(settings, []));
    if (login === undefined || config === undefined || jumps === undefined) return undefined;
    this.#remarkUnknown(settings);
    const { strictHostKeyChecking: strict, guard, username } = this.#values;
    const isNamed = settings.evaluated.isNamed || settings.user?.place !== undefined;
    const sources = sourcesOf(settings, this.#explicitLogin === undefined);
    const ssh = {
      ...config,
      // Where no file names the host, the older default holds, and not that of ssh.
      ...(isNamed || isSet(this.#env.SSH_USERNAME) ? {} : { username }),
      login,
      strictHostKeyChecking: strict || isStrict(settings),
      ...(jumps.length === 0 ? {} : { jumps }),
      ...(sources.length === 0 ? {} : { sources }),
      ...(guard ? {} : { guard: false }),
    };
    const { paths: files } = this.#context.files;
    return { ssh, files, remarks: this.#remarks, secrets: this.#secrets };
  }

  /**
   * Returns the hosts to pass. The first of a ProxyJump may have a ProxyJump of its own; each other one is reached
   * through those before it, whatever the file says. Source: OpenSSH 9.2 ssh.c main(), which starts such an ssh.
   */
  #jumps(target: HostSettings, passed: readonly HostSettings[]): HostConfig[] {
    const { value: specs, place } = target.jumps;
    return specs.flatMap(({ host, user, port }, index) => {
      const proxyJump = index === 0 ? undefined : "none";
      const settings = this.#settings({ name: host, user, port, proxyJump });
      const way = [...passed, target];
      if (way.length > MAX_JUMPS || way.some((each) => isSame(each, settings))) {
        throw new ConfigFault(
          `${
            place === undefined ? "" : `${formatPlace(place)}: `
          }ProxyJump ${host} leads back to itself`,
          `Set ProxyJump none for ${host}, in a block before that line`,
        );
      }
      const before = index === 0 ? this.#jumps(settings, way) : [];
      return [...before, this.#jumpConfig(settings)];
    });
  }

  #jumpConfig(settings: HostSettings): HostConfig {
    // The other variables for the login are those of HOST.
    const others = { ...this.#values, keyPath: undefined, password: undefined };
    const values = this.#valuesFor(settings.name, others);
    try {
      const explicit = explicitLogin(values, this.#machine);
      const sources = sourcesOf(settings, explicit === undefined);
      return {
        ...this.#hostConfig(settings),
        login: explicit ?? sshLogin(settings, values, this.#machine, this.#remarks),
        strictHostKeyChecking: this.#values.strictHostKeyChecking || isStrict(settings),
        ...(sources.length === 0 ? {} : { sources }),
      };
    } catch (error) {
      if (!(error instanceof RemoteExecError)) throw error;
      throw new ConfigFault(
        `Jump host ${settings.name}: ${error.message}`,
        `Write IdentityFile for ${settings.name} in the SSH configuration, or set ${
          hostVariable("SSH_PASSWORD_", settings.name)
        }`,
      );
    }
  }

  #settings(query: Omit<HostQuery, "localUser">): HostSettings {
    const settings = new HostSettings(this.#context, { ...query, localUser: this.#localUser });
    const refusal = refusalOf(settings);
    if (refusal !== undefined) throw refusal;
    return settings;
  }

  #login(settings: HostSettings): Login {
    const values = this.#valuesFor(settings.name, this.#values);
    const explicit = explicitLogin(values, this.#machine);
    this.#explicitLogin = explicit;
    if (explicit !== undefined) checkUnusedAgent(values, this.#machine);
    return explicit ??
      (this.#isOff
        ? agentLogin(values, this.#machine)
        : sshLogin(settings, values, this.#machine, this.#remarks));
  }

  /** Replaces password and passphrase by those that are set for the host. */
  #valuesFor(host: string, values: Values): Values {
    const password = this.#env[hostVariable("SSH_PASSWORD_", host)];
    const passphrase = this.#env[hostVariable("SSH_KEY_PASSPHRASE_", host)];
    this.#secrets.push(...[password, passphrase].filter(isSet));
    return {
      ...values,
      ...(isSet(password) ? { password } : {}),
      ...(isSet(passphrase) ? { keyPassphrase: passphrase } : {}),
    };
  }

  #hostConfig(settings: HostSettings): Omit<HostConfig, "login" | "strictHostKeyChecking"> {
    const { name, hostname, port, user, hostKeyAlias } = settings;
    checkHostname(settings);
    const timeout = settings.number("connecttimeout")?.value ?? 0;
    const interval = settings.number("serveraliveinterval")?.value;
    const silent = settings.number("serveralivecountmax")?.value;
    const family = settings.text("addressfamily")?.value;
    const algorithms = chosenAlgorithms(settings);
    return {
      host: hostname.place === undefined ? name : hostname.value,
      ...(hostname.place === undefined || hostname.value === name ? {} : { alias: name }),
      port: port.value,
      username: user?.value ?? this.#values.username,
      knownHostsPaths: this.#knownHosts(settings),
      ...(hostKeyAlias === undefined ? {} : { hostKeyAlias: hostKeyAlias.value }),
      ...(timeout === 0 ? {} : { connectTimeoutMs: timeout * 1_000 }),
      ...(interval === undefined ? {} : { keepaliveMs: interval * 1_000 }),
      ...(silent === undefined ? {} : { keepaliveMax: silent }),
      ...(family === "inet" ? { family: 4 } : family === "inet6" ? { family: 6 } : {}),
      ...(algorithms === undefined ? {} : { algorithms }),
    };
  }

  #knownHosts(settings: HostSettings): string[] {
    const { name, userKnownHosts, globalKnownHosts } = settings;
    const machine = this.#machine;
    const written = this.#values.knownHosts;
    const isJump = name !== this.#host;
    const users = written !== undefined && (!isJump || userKnownHosts === undefined)
      ? [knownHostsFile(written, machine)]
      : userKnownHosts?.map(({ value }) => expandPath(value, machine)) ??
        (machine.home === undefined ? [] : [expandPath("~/.ssh/known_hosts", machine)]);
    const systems = globalKnownHosts?.map(({ value }) => expandPath(value, machine)) ??
      [systemFile("ssh_known_hosts", this.#env, machine)];
    return [...users, ...systems];
  }

  #remarkUnknown({ evaluated }: HostSettings): void {
    for (const { keyword, place } of evaluated.unknown) {
      this.#remarks.push({
        level: "info",
        message: `${formatPlace(place)}: ${keyword} is not a keyword of OpenSSH`,
        remedy: "Correct it, or add IgnoreUnknown",
      });
    }
  }
}

/** More hops are a mistake. */
const MAX_JUMPS = 16;

const isSame = (one: HostSettings, other: HostSettings): boolean =>
  one.hostname.value === other.hostname.value && one.port.value === other.port.value &&
  one.user?.value === other.user?.value;

/** The environment variables that a path in the SSH configuration may name. */
const READABLE: readonly string[] = [...SYSTEM_VARIABLES, "SSH_AUTH_SOCK"];

/** ssh asks a person by default; the file can only forbid more than the variable allows. */
const isStrict = (settings: HostSettings): boolean =>
  settings.text("stricthostkeychecking")?.value === "true";

/** The address becomes a permission, which must not have another meaning. */
function checkHostname({ hostname: { value, place } }: HostSettings): void {
  if (/^[A-Za-z0-9._-]+$|^[0-9A-Fa-f:.]+$/.test(value) && !value.startsWith("-")) return;
  throw new ConfigFault(
    `${place === undefined ? "" : `${formatPlace(place)}: `}HostName ${
      shownValue(value)
    } is not a host name or an IP address`,
    "Correct HostName in the SSH configuration",
  );
}
