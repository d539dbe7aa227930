import { type Account, createAccount, removeAccount, run } from "./account.ts";
import { type Peer, peer } from "./require.ts";
import { endProcesses, processesOf } from "./processes.ts";

/** TinySSH, whose connections have one session each, behind the program that listens for it. */
export const TINYSSH: Peer = peer(
  "TinySSH",
  ["/usr/sbin/tinysshd", "/usr/bin/tcpserver"],
  "tinysshd ucspi-tcp",
);

/** A running TinySSH with an account of its own. Needs root. */
export class TinySsh implements AsyncDisposable {
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

  /** Returns the number of connections so far. */
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
export async function startTinySsh(): Promise<TinySsh> {
  const username = `mre${crypto.getRandomValues(new Uint8Array(4)).toHex()}`;
  // It refuses keys below a directory that others may write, such as /tmp.
  const dir = await Deno.makeTempDir({ dir: "/run", prefix: `${username}_` });
  await Deno.chmod(dir, 0o755);
  const account = await createAccount({
    username,
    kind: "user",
    shell: "/bin/sh",
    home: `${dir}/home`,
  });
  await run("/usr/sbin/tinysshd-makekey", ["-q", `${dir}/keys`]);
  await run("/usr/bin/ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", `${dir}/id`]);
  await Deno.mkdir(`${account.home}/.ssh`, { mode: 0o700 });
  await Deno.copyFile(`${dir}/id.pub`, `${account.home}/.ssh/authorized_keys`);
  await Deno.chmod(`${account.home}/.ssh/authorized_keys`, 0o600);
  await run("/bin/chown", ["-R", username, `${account.home}/.ssh`]);
  const port = freePort();
  const sftp = "sftp=/usr/lib/openssh/sftp-server";
  const tiny = ["/usr/sbin/tinysshd", "-v", "-x", sftp, `${dir}/keys`];
  const listen = ["/usr/bin/tcpserver", "-v", "-HRDl0", "127.0.0.1", String(port), ...tiny];
  const script = `exec "$@" 2>>${dir}/log`;
  await Deno.writeTextFile(`${dir}/log`, "");
  const server = new Deno.Command("/usr/bin/setpriv", {
    args: ["--pdeathsig", "KILL", "/bin/sh", "-c", script, "sh", ...listen],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await untilListening(port);
  return new TinySsh(dir, port, account, server);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Polls, because tcpserver reports nothing. */
async function untilListening(port: number): Promise<void> {
  for (let turn = 0; turn < 500; turn++) {
    const open = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
    open?.close();
    if (open !== undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("tcpserver does not listen");
}
