import { type Account, createAccount, removeAccount, run } from "./account.ts";
import { type Peer, peer } from "./require.ts";
import { endProcesses, processesOf } from "./processes.ts";
import { freePort, untilListening } from "../support/free_port.ts";

/** TinySSH, whose connections have one session each, behind the program that listens for it. */
export const TINYSSH: Peer = peer(
  "TinySSH",
  ["/usr/sbin/tinysshd", "/usr/bin/tcpserver"],
  "tinysshd ucspi-tcp",
);

/** dropbear. Its sftp-server is OpenSSH's. */
export const DROPBEAR: Peer = peer(
  "dropbear",
  ["/usr/sbin/dropbear", "/usr/bin/dropbearkey", "/usr/lib/sftp-server"],
  "dropbear-bin openssh-sftp-server",
);

/** A running SSH server other than OpenSSH, with an account of its own. Needs root. */
export class SmallSshd implements AsyncDisposable {
  readonly host = "127.0.0.1";
  readonly port: number;
  readonly username: string;
  readonly keyPath: string;
  readonly knownHostsPath: string;
  readonly home: string;
  readonly #dir: string;
  readonly #account: Account;
  readonly #server: Deno.ChildProcess;

  constructor(dir: string, port: number, account: Account, server: Deno.ChildProcess) {
    this.#dir = dir;
    this.port = port;
    this.#account = account;
    this.#server = server;
    this.username = account.username;
    this.home = account.home;
    this.keyPath = `${dir}/id`;
    this.knownHostsPath = `${dir}/known_hosts`;
  }

  /** Processes of the account. */
  processes(): number[] {
    return processesOf(this.#account.uid);
  }

  /** Returns the number of connections to TinySSH so far. */
  connections(): number {
    const text = Deno.readTextFileSync(`${this.#dir}/log`);
    return text.match(/^tcpserver: pid /gm)?.length ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.kill("SIGTERM");
    await this.#server.status;
    const { uid, username } = this.#account;
    await endProcesses(processesOf(uid), () => processesOf(uid));
    await removeAccount(username);
    await Deno.remove(this.#dir, { recursive: true });
  }
}

/** Starts TinySSH on a free loopback port. */
export const startTinySsh = (): Promise<SmallSshd> =>
  startSmallSshd(async (dir, port) => {
    await run("/usr/sbin/tinysshd-makekey", ["-q", `${dir}/keys`]);
    const sftp = "sftp=/usr/lib/openssh/sftp-server";
    const tiny = ["/usr/sbin/tinysshd", "-v", "-x", sftp, `${dir}/keys`];
    return ["/usr/bin/tcpserver", "-v", "-HRDl0", "127.0.0.1", String(port), ...tiny];
  });

/** Starts dropbear on a free loopback port. */
export const startDropbear = (): Promise<SmallSshd> =>
  startSmallSshd(async (dir, port) => {
    await run("/usr/bin/dropbearkey", ["-t", "ed25519", "-f", `${dir}/host_key`]);
    const files = ["-r", `${dir}/host_key`, "-P", `${dir}/pid`];
    return ["/usr/sbin/dropbear", "-F", "-E", ...files, "-p", `127.0.0.1:${port}`];
  });

/** @param prepare makes the host's keys and returns the command line of the server */
async function startSmallSshd(
  prepare: (dir: string, port: number) => Promise<string[]>,
): Promise<SmallSshd> {
  const username = `mre${crypto.getRandomValues(new Uint8Array(4)).toHex()}`;
  // TinySSH refuses keys below a directory that others may write, such as /tmp.
  const dir = await Deno.makeTempDir({ dir: "/run", prefix: `${username}_` });
  await Deno.chmod(dir, 0o755);
  const account = await createAccount({
    username,
    kind: "user",
    shell: "/bin/sh",
    home: `${dir}/home`,
  });
  await run("/usr/bin/ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", `${dir}/id`]);
  await Deno.mkdir(`${account.home}/.ssh`, { mode: 0o700 });
  await Deno.copyFile(`${dir}/id.pub`, `${account.home}/.ssh/authorized_keys`);
  await Deno.chmod(`${account.home}/.ssh/authorized_keys`, 0o600);
  await run("/bin/chown", ["-R", username, `${account.home}/.ssh`]);
  const port = freePort();
  const command = await prepare(dir, port);
  const script = `exec "$@" 2>>${dir}/log`;
  await Deno.writeTextFile(`${dir}/log`, "");
  const server = new Deno.Command("/usr/bin/setpriv", {
    args: ["--pdeathsig", "KILL", "/bin/sh", "-c", script, "sh", ...command],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await untilListening(port, server.status);
  return new SmallSshd(dir, port, account, server);
}
