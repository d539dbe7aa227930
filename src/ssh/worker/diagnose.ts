import type { KeysLogin } from "../../config/config.ts";
import { errorText, printable, RemoteExecError } from "../../errors.ts";
import type { Dialer } from "./connection/dial.ts";
import type { DialedConnection } from "./connection/dialed.ts";
import { runCommand } from "./commands/exec.ts";
import { decideHostKey, fingerprint, keyPlace } from "./trust/host_keys.ts";
import { keyscanCommand, trustCommand } from "./trust/host_key_errors.ts";
import { keyTypeOf, knownHostsLine } from "./trust/known_hosts.ts";
import type { HostTraits } from "./connection/host_traits.ts";
import type { ConnectionPool } from "./connection/pool.ts";
import type { Check, ExecOutcome, SshSettings } from "../port.ts";
import type { Sudo } from "./sudo/sudo.ts";
import { keyMethods } from "./trust/key_methods.ts";
import { usablePrivateKey } from "./trust/private_key.ts";
import { Sftp } from "./files/sftp/sftp.ts";

interface Step {
  readonly step: string;
  /** The suggestion for an error that has none of its own. */
  readonly remedy: string;
  /** True if the host starts a program for it. */
  readonly runsOnHost?: true;
  run(): Promise<string | Doubt>;
}

/** A check that fails with a remedy of several lines. */
interface Doubt {
  readonly detail: string;
  readonly remedy: string;
  /** The steps after it can succeed. */
  readonly canGoOn: boolean;
}

/**
 * Checks everything that a call needs, in the order in which it is needed. Stops at the first step that
 * cannot be done, because each step needs the ones before it.
 */
export async function diagnose(
  settings: SshSettings,
  dialer: Dialer,
  pool: ConnectionPool,
  traits: HostTraits,
  sudo: Sudo,
): Promise<Check[]> {
  const checks: Check[] = [];
  for (const step of steps(settings, dialer, pool, sudo)) {
    if (step.runsOnHost && traits.login === "forced") return [...checks, FORCED];
    const { check, canGoOn } = await tryStep(step);
    checks.push(check);
    if (!canGoOn) break;
  }
  return checks;
}

/** Every further step would run the forced command again. */
const FORCED: Check = {
  step: "forced command",
  ok: true,
  detail:
    "the host runs a command of its own for this login (command= or ForceCommand); nothing else was tried",
};

async function tryStep({ step, remedy, run }: Step): Promise<{ check: Check; canGoOn: boolean }> {
  try {
    const found = await run();
    // The host's words are printed on a terminal.
    if (typeof found === "string") {
      return { check: { step, ok: true, detail: printable(found) }, canGoOn: true };
    }
    const { detail, remedy, canGoOn } = found;
    return { check: { step, ok: false, detail: printable(detail), remedy }, canGoOn };
  } catch (error) {
    const known = error instanceof RemoteExecError ? error.suggestion : remedy;
    const detail = error instanceof RemoteExecError ? error.message : printable(errorText(error));
    return { check: { step, ok: false, detail, remedy: known }, canGoOn: false };
  }
}

function steps(
  settings: SshSettings,
  dialer: Dialer,
  pool: ConnectionPool,
  sudo: Sudo,
): Step[] {
  const { host, port, login, jumps } = settings.ssh;
  const limitMs = settings.limits.timeoutMs;
  const run = async (command: string, asRoot = false) =>
    await runCommand(pool, { command, timeoutMs: limitMs, sudo: asRoot }, 1_000, {
      signal: new AbortController().signal,
      progress: undefined,
      sudo,
    });
  let dialling: Promise<DialedConnection> | undefined;
  const dialled = () => dialling ??= dialer.dial(limitMs);
  return [
    { step: "login method", remedy: "Check SSH_KEY", run: () => loginMethod(login) },
    {
      step: "TCP",
      remedy:
        "Check HOST and SSH_PORT, that the host is up, and that its firewall allows this machine",
      run: () => reach(dialer, `${host}:${port}${through(jumps)}`, limitMs),
    },
    {
      step: "host key",
      remedy: `Add the host key: ${keyscanCommand(settings.ssh)}`,
      run: () => hostKey(settings, dialer, dialled),
    },
    {
      step: "login",
      remedy: "Check SSH_USERNAME and SSH_PASSWORD or SSH_KEY",
      run: async () => {
        const { socket, client } = await dialled();
        client.end();
        socket.destroy();
        return `logged in as ${settings.ssh.username}`;
      },
    },
    {
      step: "command",
      runsOnHost: true,
      remedy: "Check the login shell of SSH_USERNAME",
      run: async () => {
        const { exitCode, stdout, durationMs } = await run("echo ready");
        if (exitCode !== 0 || !stdout.text.includes("ready")) {
          throw new Error(`echo answered ${exitCode}: ${stdout.text}`);
        }
        return `runs (${durationMs} ms)`;
      },
    },
    {
      step: "SFTP",
      runsOnHost: true,
      remedy: "Enable `Subsystem sftp` in the host's sshd_config",
      run: async () => {
        const wait = {
          deadlineMs: performance.now() + limitMs,
          limitMs,
          signal: new AbortController().signal,
        };
        const { sftp } = await pool.sftp(wait);
        return `starts in ${await new Sftp(sftp).realPath(".")}`;
      },
    },
    {
      step: "sha256",
      runsOnHost: true,
      remedy:
        "Install coreutils, perl (shasum) or openssl on the host; until then, transfers are verified only by size",
      run: async () => {
        const { stdout } = await run(
          "sh -c 'command -v sha256sum || command -v shasum || command -v openssl'",
        );
        if (stdout.text.trim() === "") {
          throw new Error("no tool found: transfers are verified only by size");
        }
        return stdout.text.trim();
      },
    },
    ...(sudo.isConfigured ? [sudoStep(run)] : []),
  ];
}

const sudoStep = (run: (command: string, asRoot: boolean) => Promise<ExecOutcome>): Step => ({
  step: "sudo",
  runsOnHost: true,
  remedy: "Try `sudo id -u` on the host as SSH_USERNAME",
  run: async () => {
    const { stdout, durationMs } = await run("id -u", true);
    if (stdout.text.trim() !== "0") throw new Error(`id -u answered ${stdout.text}`);
    return `commands run as root (${durationMs} ms)`;
  },
});

/**
 * Succeeds if the host presented a key that is known. A key that was accepted only because checking is
 * off is a doubt.
 */
async function hostKey(
  settings: SshSettings,
  dialer: Dialer,
  dialled: () => Promise<DialedConnection>,
): Promise<string | Doubt> {
  const failure: unknown = await dialled().then(() => undefined, (error) => error);
  const { plainKey: key, certificate } = dialer.presented ?? {};
  const { host, port } = keyPlace(settings.ssh);
  const refused = failure instanceof RemoteExecError && failure.code.startsWith("host_key");
  if (refused && failure.code === "host_key_unknown" && key !== undefined) {
    return { detail: failure.message, remedy: howToTrust(settings, key), canGoOn: false };
  }
  if (key === undefined || refused) throw failure;
  const shown = `${keyTypeOf(key)} ${fingerprint(key)}`;
  const entries = await dialer.knownHosts();
  const { hostKeyAlias: alias } = settings.ssh;
  const query = { host, port, key, entries, strict: true, certificate, alias };
  const { kind } = decideHostKey(query);
  return kind === "known" ? shown : {
    detail:
      `${shown} is not in known_hosts; it is accepted only because SSH_STRICT_HOST_KEY_CHECKING=false`,
    remedy: howToTrust(settings, key),
    canGoOn: true,
  };
}

function howToTrust({ ssh }: SshSettings, key: Uint8Array): string {
  return `Compare the fingerprint on the host itself (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), then run: ` +
    `${keyscanCommand(ssh)}\n     -> or add this line to ${ssh.knownHostsPaths[0]}:\n        ${
      knownHostsLine(keyPlace(ssh).host, keyPlace(ssh).port, key)
    }\n     -> or run: ${trustCommand(ssh)}`;
}

async function loginMethod(login: SshSettings["ssh"]["login"]): Promise<string> {
  if (login.kind === "password") return "password";
  if (login.kind === "agent") return `agent at ${login.socket}`;
  if (login.kind === "keys") return describeKeys(login);
  usablePrivateKey(login.path, await Deno.readTextFile(login.path), login.passphrase);
  return `key ${login.path} can be read`;
}

/** Reports a key that cannot be used as long as another one, or the agent, is left. */
async function describeKeys(login: KeysLogin): Promise<string> {
  const skipped: string[] = [];
  await keyMethods(login, "", (why) => skipped.push(why));
  const { socket, keys, certificates = [], onlyThese } = login;
  return [
    ...(socket === undefined ? [] : [`agent at ${socket}${onlyThese ? " (only these keys)" : ""}`]),
    ...keys.map(({ path }) => `key ${path}`),
    ...certificates.map(({ path }) => `certificate ${path}`),
    ...skipped,
  ].join("; ");
}

const through = (jumps: SshSettings["ssh"]["jumps"] = []): string =>
  jumps.length === 0 ? "" : ` through ${jumps.map(({ alias, host }) => alias ?? host).join(", ")}`;

async function reach(dialer: Dialer, address: string, limitMs: number): Promise<string> {
  const startedAt = performance.now();
  const socket = await dialer.reach(limitMs, dialer.progress());
  socket.destroy();
  return `${address} answers (${Math.round(performance.now() - startedAt)} ms)`;
}
