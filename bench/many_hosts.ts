import type { Server } from "../tests/demo/server.ts";
import { type Sshd, startSshd } from "../tests/peers/sshd.ts";
import type { Bench } from "./harness.ts";

/** Settings of a server with several hosts. */
export interface HostsChoice {
  /** Each sshd is one host, named `h0`, `h1`, …; names beyond them are never connected to. */
  readonly sshds: readonly Sshd[];
  readonly count?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts real hosts. The caller closes them. */
export async function startHosts(count: number): Promise<readonly Sshd[] & AsyncDisposable> {
  const sshds: Sshd[] = [];
  const close = async () => void await Promise.all(sshds.map((sshd) => sshd.close()));
  try {
    // One after the other: each creates an account.
    while (sshds.length < count) sshds.push(await startSshd());
  } catch (error) {
    await close();
    throw error;
  }
  return Object.assign(sshds, { [Symbol.asyncDispose]: close });
}

/** Returns the environment of a server whose SSH configuration names the hosts. */
export function environmentOf(
  bench: Bench,
  { sshds, count = sshds.length, env }: HostsChoice,
): Record<string, string> {
  const knownHosts = `${bench.local}/known_hosts_of_many`;
  Deno.writeTextFileSync(knownHosts, sshds.map(({ knownHostsText }) => knownHostsText).join(""));
  const names = Array.from({ length: count }, (_, at) => `h${at}`);
  const blocks = names.map((name, at) => {
    const { host, port, username, keyPath } = sshds[at % sshds.length] ?? bench.sshd;
    return `Host ${name}\n  HostName ${host}\n  Port ${port}\n  User ${username}\n` +
      `  IdentityFile ${keyPath}\n  UserKnownHostsFile ${knownHosts}\n`;
  });
  const file = `${bench.local}/config_of_${count}`;
  Deno.writeTextFileSync(file, blocks.join(""));
  return {
    ...{ HOST: "", SSH_PORT: "", SSH_USERNAME: "", SSH_KEY: "", SSH_KNOWN_HOSTS: "" },
    ...{ HOSTS: "h*", SSH_CONFIG: file, ...env },
  };
}

/** Runs `true` on a host. @throws Error unless it ends with exit code 0 */
export async function execOn(server: Server, host: string): Promise<void> {
  const { data, text } = await server.call("ssh_exec_command", { command: "true", host });
  if (data.exit_code !== 0) throw new Error(`The command has failed on ${host}\n${text}`);
}
