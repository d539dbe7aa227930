import { RemoteExecError } from "../../errors.ts";
import type { KeyFile, Login } from "../config.ts";
import { shownValue } from "../environment.ts";
import type { Remark } from "../origin.ts";
import { entryOf, expandPath, type Machine } from "../paths.ts";
import { formatPlace } from "../ssh_config/evaluate.ts";
import type { HostSettings, Sourced } from "../ssh_config/host_settings.ts";
import type { Values } from "../variables/variables.ts";

/** The keys that ssh tries if none is configured, but those for hardware. */
const DEFAULT_KEYS = ["id_ed25519", "id_ecdsa", "id_rsa"];

/**
 * Returns the login that SSH_KEY or SSH_PASSWORD set, or else the agent alone, as without an SSH
 * configuration; undefined if nothing is set.
 *
 * @throws RemoteExecError `configuration`
 */
export function explicitLogin(values: Values, machine: Machine): Login | undefined {
  if (values.keyPath !== undefined) {
    if (/PRIVATE KEY|\n/.test(values.keyPath)) throw keyInsteadOfPath();
    const path = expandPath(values.keyPath, machine);
    if (machine.kind(path) !== "file") throw keyMissing(values.keyPath);
    return { kind: "key", path: machine.realPath(path), passphrase: values.keyPassphrase };
  }
  if (values.password !== undefined) return { kind: "password", password: values.password };
  return undefined;
}

/** Returns the login through the agent of SSH_AUTH_SOCK. @throws RemoteExecError `configuration` */
export function agentLogin(values: Values, machine: Machine): Login {
  if (values.agentSocket === undefined) throw noLogin();
  return { kind: "agent", socket: agentSocket(values.agentSocket, machine) };
}

/** Returns the key files of a login, public ones included. */
export function keyPaths(login: Login): string[] {
  if (login.kind === "key") return [login.path];
  if (login.kind !== "keys") return [];
  return [...login.keys, ...login.certificates ?? []].flatMap(({ path, publicPath }) =>
    publicPath === undefined ? [path] : [path, publicPath]
  );
}

/** Shells keep the variable of an agent that has ended; anything else in its place is a mistake. */
export function checkUnusedAgent({ agentSocket: value }: Values, machine: Machine): void {
  if (value === undefined || isEndedAgent(value, machine)) return;
  agentSocket(value, machine);
}

/**
 * Returns the login as ssh has it: the keys of the agent, then the files of IdentityFile or the default
 * ones.
 *
 * @throws RemoteExecError `configuration` if nothing is left to log in with
 */
export function sshLogin(
  settings: HostSettings,
  values: Values,
  machine: Machine,
  remarks: Remark[],
): Login {
  const written = settings.identityFiles;
  const found = (written ?? defaultKeys(machine)).map((file) => keyFile(file, machine));
  const keys = found.filter((key): key is KeyFile => typeof key !== "string");
  const missing = found.filter((key) => typeof key === "string");
  const onlyThese = settings.isOn("identitiesonly");
  const isAgentNeeded = keys.every(({ path }) => path.endsWith(".pub"));
  const agent = agentOf(settings, values, machine, isAgentNeeded && !onlyThese, remarks);
  if (written !== undefined) remarks.push(...missing.map(missingKey));
  const certificates = certificatesOf(settings, keys, machine, remarks);
  if (keys.length === 0 && agent !== undefined && !onlyThese) {
    return { kind: "agent", socket: agent.path, ...placeOf(agent) };
  }
  if (agent === undefined && isAgentNeeded || keys.length === 0) {
    throw missing.length > 0 && written !== undefined ? noneExists(settings, missing) : noLogin();
  }
  const passphrase = values.keyPassphrase;
  const [only] = keys;
  if (
    agent === undefined && keys.length === 1 && only !== undefined && certificates.length === 0
  ) {
    return { kind: "key", path: only.path, passphrase, ...placeOf(only) };
  }
  return {
    ...{ kind: "keys", socket: agent?.path, keys, onlyThese, passphrase, ...placeOf(agent) },
    ...(certificates.length === 0 ? {} : { certificates }),
  };
}

const placeOf = (named: { readonly place?: string } | undefined): { place?: string } =>
  named?.place === undefined ? {} : { place: named.place };

function defaultKeys(machine: Machine): Sourced<string>[] {
  const { home } = machine;
  if (home === undefined) return [];
  const directory = entryOf(home, ".ssh", machine);
  return DEFAULT_KEYS.map((name) => entryOf(directory, name, machine))
    .filter((path) => machine.kind(path) === "file")
    .map((value) => ({ value, place: undefined }));
}

/** Returns the file of a key, or text that says why it cannot be used. */
function keyFile({ value, place }: Sourced<string>, machine: Machine): KeyFile | string {
  const path = expandPath(value, machine);
  const at = place === undefined ? "" : ` (${formatPlace(place)})`;
  const named = place === undefined ? {} : { place: formatPlace(place) };
  const publicPath = path.endsWith(".pub") ? path : `${path}.pub`;
  const hasPublic = machine.kind(publicPath) === "file";
  if (hasPublic && isHardware(publicPath, machine)) {
    return `${path}${at} is a hardware key (sk-), which this server cannot use`;
  }
  if (machine.kind(path) !== "file") {
    return hasPublic
      ? { path: machine.realPath(publicPath), ...named }
      : `${path}${at} does not exist`;
  }
  return {
    ...{ path: machine.realPath(path), ...named },
    ...(hasPublic && publicPath !== path ? { publicPath: machine.realPath(publicPath) } : {}),
  };
}

/** CertificateFile, or else the files beside the keys. Source: OpenSSH 9.2 ssh.c load_public_identity_files(). */
function certificatesOf(
  { certificateFiles }: HostSettings,
  keys: readonly KeyFile[],
  machine: Machine,
  remarks: Remark[],
): KeyFile[] {
  if (certificateFiles.length === 0) {
    return keys.map(({ path }) => `${path.replace(/\.pub$/, "")}-cert.pub`)
      .filter((path) => machine.kind(path) === "file")
      .map((path) => ({ path: machine.realPath(path) }));
  }
  return certificateFiles.flatMap(({ value, place }) => {
    const path = expandPath(value, machine);
    const named = place === undefined ? {} : { place: formatPlace(place) };
    if (machine.kind(path) === "file") return [{ path: machine.realPath(path), ...named }];
    remarks.push({
      level: "warning",
      message: `CertificateFile ${path}${named.place ? ` (${named.place})` : ""} does not exist`,
      remedy: "Correct CertificateFile in the SSH configuration",
    });
    return [];
  });
}

function isHardware(publicPath: string, machine: Machine): boolean {
  try {
    return /^\s*sk-/.test(machine.readText(publicPath));
  } catch {
    return false;
  }
}

/** IdentityAgent precedes SSH_AUTH_SOCK, as in ssh. */
function agentOf(
  settings: HostSettings,
  values: Values,
  machine: Machine,
  isNeeded: boolean,
  remarks: Remark[],
): { readonly path: string; readonly place?: string } | undefined {
  const written = settings.identityAgent;
  if (written?.value.toLowerCase() === "none") return undefined;
  if (written !== undefined) {
    const path = expandPath(written.value, machine);
    const place = written.place === undefined ? "" : formatPlace(written.place);
    if (machine.kind(path) === "socket") return { path, place };
    remarks.push({
      level: "warning",
      message: `IdentityAgent ${path} (${place}) is not a socket`,
      remedy: "Start the agent, or correct the line",
    });
    return undefined;
  }
  const value = values.agentSocket;
  if (value === undefined || (!isNeeded && isEndedAgent(value, machine))) return undefined;
  return { path: agentSocket(value, machine) };
}

const isEndedAgent = (value: string, machine: Machine): boolean =>
  machine.kind(expandPath(value, machine)) === "missing";

function agentSocket(value: string, machine: Machine): string {
  const path = expandPath(value, machine);
  // A named pipe of Windows cannot be looked at like a file.
  if (machine.windows && path.startsWith("\\\\.\\pipe\\")) return path;
  if (machine.kind(path) === "socket") return path;
  throw new RemoteExecError(
    "configuration",
    `SSH_AUTH_SOCK names ${shownValue(value)}, which is not a socket`,
    "Start the SSH agent and set SSH_AUTH_SOCK to its socket, or set SSH_KEY",
  );
}

const noLogin = () =>
  new RemoteExecError(
    "configuration",
    "No authentication configured. Set SSH_PASSWORD or SSH_KEY environment variable",
    "Set SSH_KEY to a private key file, or SSH_PASSWORD, or start an agent (SSH_AUTH_SOCK)",
  );

const noneExists = ({ name }: HostSettings, missing: readonly string[]) =>
  new RemoteExecError(
    "configuration",
    `No key for ${name} can be used: ${missing.join("; ")}`,
    "Correct IdentityFile in the SSH configuration, or set SSH_KEY",
  );

const missingKey = (text: string): Remark => ({
  level: "warning",
  message: `IdentityFile ${text}`,
  remedy: "Correct IdentityFile in the SSH configuration",
});

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
    `SSH key file not found: ${
      shownValue(path).replace(/^"|"$/g, "")
    }. Verify SSH_KEY environment variable points to a valid private key file.`,
    "Set SSH_KEY to the path of the private key (not the .pub file)",
  );
