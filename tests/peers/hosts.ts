import { type Connected, connectServer } from "../support/server.ts";
import { type Sshd, startSshd } from "./sshd.ts";

/** Addresses of one sshd; for the server they are different hosts. */
export const ADDRESSES = ["127.0.0.1", "127.0.0.2", "127.0.0.3"] as const;

/** An sshd that several hosts of a configuration lead to, and a directory for the server. */
export interface HostsStage extends AsyncDisposable {
  readonly sshd: Sshd;
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  connect(env?: Readonly<Record<string, string>>): Promise<Connected>;
}

/** Starts one sshd that listens on all of {@linkcode ADDRESSES}: `$SSH_CONNECTION` shows which one was reached. */
export async function startHosts(): Promise<HostsStage> {
  const sshd = await startSshd({
    config: ADDRESSES.slice(1).map((address) => `ListenAddress ${address}`),
  });
  const directory = await Deno.makeTempDir({ prefix: "mre_hosts_" });
  const known = ADDRESSES.map((address) => sshd.knownHostsText.replaceAll("127.0.0.1", address));
  Deno.writeTextFileSync(sshd.knownHostsPath, known.join(""));
  const env = {
    I_ACCEPT_RISKS: "true",
    HOSTS: ADDRESSES.join(","),
    SSH_PORT: String(sshd.port),
    SSH_USERNAME: sshd.username,
    SSH_KEY: sshd.keyPath,
    SSH_KNOWN_HOSTS: sshd.knownHostsPath,
    WORKING_DIRECTORY: directory,
  };
  return {
    sshd,
    directory,
    env,
    connect: (more = {}) => connectServer({ cwd: directory, env: { ...env, ...more } }),
    async [Symbol.asyncDispose]() {
      await sshd.close();
      await Deno.remove(directory, { recursive: true });
    },
  };
}
