import { errorText, RemoteExecError } from "../errors.ts";
import type { Dialer } from "./dial.ts";
import { runCommand } from "./exec.ts";
import { keyscanCommand } from "./host_key_errors.ts";
import type { ConnectionPool } from "./pool.ts";
import type { Check, SshSettings } from "./port.ts";
import { usablePrivateKey } from "./private_key.ts";
import { Sftp } from "./sftp.ts";

interface Step {
  readonly step: string;
  /** What a failure means when the error does not say it itself. */
  readonly remedy: string;
  run(): Promise<string>;
}

/**
 * Looks at everything that a call needs, in the order in which it is needed. Stops at the first
 * failure of a step that all later ones need.
 */
export async function diagnose(
  settings: SshSettings,
  dialer: Dialer,
  pool: ConnectionPool,
): Promise<Check[]> {
  const checks: Check[] = [];
  for (const step of steps(settings, dialer, pool)) {
    const check = await tryStep(step);
    checks.push(check);
    if (!check.ok) break;
  }
  return checks;
}

async function tryStep({ step, remedy, run }: Step): Promise<Check> {
  try {
    return { step, ok: true, detail: await run() };
  } catch (error) {
    const known = error instanceof RemoteExecError ? error.suggestion : remedy;
    return { step, ok: false, detail: errorText(error), remedy: known };
  }
}

function steps(settings: SshSettings, dialer: Dialer, pool: ConnectionPool): Step[] {
  const { host, port, login } = settings.ssh;
  const limitMs = settings.limits.timeoutMs;
  const run = async (command: string) => {
    const outcome = await runCommand(pool, { command, timeoutMs: limitMs }, 1_000, {
      signal: new AbortController().signal,
      progress: undefined,
    });
    return outcome;
  };
  return [
    { step: "login method", remedy: "Check SSH_KEY", run: () => loginMethod(login) },
    {
      step: "TCP",
      remedy:
        "Check HOST and SSH_PORT, then that the host is up and its firewall lets this machine in",
      run: () => reach(host, port, limitMs),
    },
    {
      step: "host key and login",
      remedy: `Add the host key: ${keyscanCommand(host, port)}`,
      run: async () => {
        const { socket, client } = await dialer.dial(limitMs);
        client.end();
        socket.destroy();
        return `accepted, logged in as ${settings.ssh.username}; known_hosts: ${
          settings.ssh.knownHostsPaths.join(", ")
        }`;
      },
    },
    {
      step: "command",
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
      remedy: "Enable `Subsystem sftp` in the host's sshd_config",
      run: async () => {
        const patience = {
          deadlineMs: performance.now() + limitMs,
          limitMs,
          signal: new AbortController().signal,
        };
        const { sftp } = await pool.sftp(patience);
        return `starts in ${await new Sftp(sftp).realPath(".")}`;
      },
    },
    {
      step: "sha256",
      remedy:
        "Install coreutils, perl (shasum) or openssl on the host; until then transfers are verified by size",
      run: async () => {
        const { stdout } = await run(
          "sh -c 'command -v sha256sum || command -v shasum || command -v openssl'",
        );
        if (stdout.text.trim() === "") {
          throw new Error("no tool found: transfers are verified by size only");
        }
        return stdout.text.trim();
      },
    },
  ];
}

async function loginMethod(login: SshSettings["ssh"]["login"]): Promise<string> {
  if (login.kind !== "key") return login.kind === "agent" ? `agent at ${login.socket}` : "password";
  usablePrivateKey(login.path, await Deno.readTextFile(login.path), login.passphrase);
  return `key ${login.path} can be read`;
}

async function reach(host: string, port: number, limitMs: number): Promise<string> {
  const startedAt = performance.now();
  const connection = await Deno.connect({
    hostname: host,
    port,
    signal: AbortSignal.timeout(limitMs),
  });
  connection.close();
  return `${host}:${port} answers (${Math.round(performance.now() - startedAt)} ms)`;
}
