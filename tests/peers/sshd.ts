import { existsSync } from "node:fs";
import { type Account, createAccount, removeAccount, run } from "./account.ts";
import {
  aliveWithMarker,
  descendantsOf,
  endProcesses,
  freezeFamily,
  isSshd,
  processesOf,
} from "./processes.ts";
import { freePort } from "../support/free_port.ts";

export { aliveWithMarker, processesOf };

/** Key types that both `ssh-keygen -t` and sshd support. */
export type KeyType = "ed25519" | "ecdsa" | "rsa";

/** The options of a test server. */
export interface SshdOptions {
  /** "root" is a separate account with uid 0, because root's real home may have noisy start files. */
  readonly loginUser?: "root" | "user";
  /** Login shell of the temporary account. */
  readonly shell?: string;
  readonly hostKeyTypes?: readonly KeyType[];
  /** The first one is `keyPath`; all are authorized. */
  readonly clientKeyTypes?: readonly KeyType[];
  readonly clientKeyPassphrase?: string;
  readonly passwordAuth?: boolean;
  readonly maxSessions?: number;
  /** Lines of sshd_config that override those of the harness. Put `Match` blocks last; `SetEnv` is not allowed. */
  readonly config?: readonly string[];
  /** The network namespace in which it runs; empty: that of the test. */
  readonly netns?: string;
}

interface Place {
  readonly dir: string;
  readonly marker: string;
  readonly port: number;
  readonly account: Account;
  readonly options: Required<SshdOptions>;
  readonly knownHostsText: string;
}

const DEFAULTS: Required<SshdOptions> = {
  loginUser: "user",
  shell: "/bin/sh",
  hostKeyTypes: ["ed25519"],
  clientKeyTypes: ["ed25519"],
  clientKeyPassphrase: "",
  passwordAuth: true,
  maxSessions: 10,
  config: [],
  netns: "",
};

/**
 * Starts a real sshd on a free loopback port with new keys and, as root, a temporary account.
 * Without root the current user logs in by key only, with the user's real home and shell.
 */
export async function startSshd(chosen: SshdOptions = {}): Promise<Sshd> {
  const options = { ...DEFAULTS, ...chosen };
  const username = `mre${randomHex(4)}`;
  const dir = await Deno.makeTempDir({ prefix: `${username}_` });
  try {
    await Deno.chmod(dir, 0o755);
    const port = freePort();
    await makeClientKeys(dir, options);
    const knownHostsText = await makeHostKeys(dir, port, options.hostKeyTypes);
    await Deno.writeTextFile(`${dir}/known_hosts`, knownHostsText);
    const { loginUser: kind, shell } = options;
    const account = await createAccount({ username, kind, shell, home: `${dir}/home` });
    const marker = `session-${randomHex(12)}`;
    const sshd = new Sshd({ dir, marker, port, account, options, knownHostsText });
    await sshd.start();
    return sshd;
  } catch (error) {
    await removeAccount(username);
    await Deno.remove(dir, { recursive: true });
    throw error;
  }
}

/** A running OpenSSH server. Close it, because it owns processes, an account and a directory. */
export class Sshd implements AsyncDisposable {
  readonly host = "127.0.0.1";
  readonly port: number;
  readonly username: string;
  /** Uid of the login; 0 for `loginUser: "root"`. */
  readonly uid: number;
  /** Null if passwords cannot be tested (not root). */
  readonly password: string | null;
  readonly home: string;
  /** Private key of the first client key type. */
  readonly keyPath: string;
  /** The first host keys; replaceHostKey() changes neither the file nor this text. */
  readonly knownHostsPath: string;
  readonly knownHostsText: string;
  /** A text in the environment of every session process; see aliveWithMarker(). */
  readonly marker: string;
  readonly #place: Place;
  #daemon: Deno.ChildProcess | undefined;
  #closed = false;

  constructor(place: Place) {
    this.#place = place;
    this.port = place.port;
    this.marker = place.marker;
    this.username = place.account.username;
    this.uid = place.account.uid;
    this.password = place.account.password;
    this.home = place.account.home;
    this.keyPath = this.keyPathOf(place.options.clientKeyTypes[0] ?? "ed25519");
    this.knownHostsPath = `${place.dir}/known_hosts`;
    this.knownHostsText = place.knownHostsText;
  }

  /** Returns the path of the client's private key of one type (`.pub` beside it). */
  keyPathOf(type: KeyType): string {
    return `${this.#place.dir}/id_${type}`;
  }

  /** Returns the server's log so far (LogLevel VERBOSE). Lines may appear shortly after their event. */
  log(): string {
    return Deno.readTextFileSync(`${this.#place.dir}/log`);
  }

  /** Returns the number of accepted logins; exact once a login has opened its first channel. */
  connections(): number {
    return this.log().match(/^Accepted \S+ for /gm)?.length ?? 0;
  }

  /** Starts the daemon. startSshd() has already called this. */
  async start(): Promise<void> {
    const { dir } = this.#place;
    await Deno.writeTextFile(`${dir}/sshd_config`, await formatConfig(this.#place));
    await Deno.writeTextFile(`${dir}/log`, "", { append: true });
    await Deno.remove(pidFile(dir)).catch(ignoreMissing);
    // sshd run by root refuses to start without its privilege separation directory.
    if (Deno.uid() === 0) await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 });
    // A log file instead of a pipe, so that log() has everything that sshd has written.
    const sshd = ["/usr/sbin/sshd", "-D", "-f", `${dir}/sshd_config`, "-E", `${dir}/log`];
    // A killed test run must not leave a server that accepts root.
    const args = ["--pdeathsig", "KILL", ...sshd];
    const silent = { stdin: "null", stdout: "null", stderr: "null" } as const;
    const { netns } = this.#place.options;
    this.#daemon = netns === ""
      ? new Deno.Command("/usr/bin/setpriv", { args, ...silent }).spawn()
      // It becomes the program that it starts.
      : new Deno.Command("/usr/sbin/ip", {
        args: ["netns", "exec", netns, "/usr/bin/setpriv", ...args],
        ...silent,
      }).spawn();
    if (await this.#isListening(this.#daemon.status)) return;
    this.#daemon = undefined;
    throw new Error(`sshd did not start:\n${this.log()}`);
  }

  /** Drops every connection like a dead link. Processes of the sessions keep running. */
  async killConnections(): Promise<void> {
    if (this.#daemon) await endProcesses(descendantsOf(this.#daemon.pid).filter(isSshd));
  }

  /** Drops every connection and restarts with the same port and keys. */
  async restart(): Promise<void> {
    await this.#stop(isSshd);
    await this.start();
  }

  /** Restarts with new host keys. Returns the new lines for known_hosts. */
  async replaceHostKey(
    types: readonly KeyType[] = this.#place.options.hostKeyTypes,
  ): Promise<string> {
    await this.#stop(isSshd);
    const text = await makeHostKeys(this.#place.dir, this.port, types);
    await this.start();
    return text;
  }

  /** Stops the daemon and every process of its sessions; removes the account and the directory. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#stop(() => true);
    await endProcesses(this.#sessionProcesses(), () => this.#sessionProcesses());
    await removeAccount(this.username);
    await Deno.remove(this.#place.dir, { recursive: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #isListening(end: Promise<unknown>): Promise<boolean> {
    const { dir } = this.#place;
    using watcher = Deno.watchFs(dir, { recursive: false });
    const events = watcher[Symbol.asyncIterator]();
    const death = end.then(() => "dead" as const);
    // sshd writes it when it listens on all of its addresses.
    while (!existsSync(pidFile(dir))) {
      if (await Promise.race([events.next(), death]) === "dead") return false;
    }
    return true;
  }

  async #stop(isEnded: (pid: number) => boolean): Promise<void> {
    const daemon = this.#daemon;
    if (!daemon) return;
    this.#daemon = undefined;
    await endProcesses(freezeFamily(daemon.pid, isEnded));
    await daemon.status;
  }

  #sessionProcesses(): number[] {
    const marked = aliveWithMarker(this.marker);
    const isOwnUid = this.password !== null && this.uid !== 0;
    return isOwnUid ? [...new Set([...marked, ...processesOf(this.uid)])] : marked;
  }
}

async function formatConfig({ dir, marker, port, account, options }: Place): Promise<string> {
  const { config } = options;
  const firstMatch = config.findIndex((line) => /^\s*match\s/i.test(line));
  const matchAt = firstMatch < 0 ? config.length : firstMatch;
  const hasSubsystem = config.some((line) => /^\s*subsystem\s/i.test(line));
  const usesPassword = options.passwordAuth && account.password !== null;
  return [
    // The first value of a keyword counts, so the marker comes before the lines of a test.
    `SetEnv MRE_SESSION=${marker}`,
    ...config.slice(0, matchAt),
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    ...(await hostKeyPaths(dir)).map((path) => `HostKey ${path}`),
    `AuthorizedKeysFile ${dir}/authorized_keys`,
    `PasswordAuthentication ${usesPassword ? "yes" : "no"}`,
    `MaxSessions ${options.maxSessions}`,
    ...(hasSubsystem ? [] : ["Subsystem sftp /usr/lib/openssh/sftp-server"]),
    `PidFile ${pidFile(dir)}`,
    ...FIXED_CONFIG,
    ...config.slice(matchAt),
    "",
  ].join("\n");
}

const FIXED_CONFIG = [
  "StrictModes no",
  "UsePAM no",
  "KbdInteractiveAuthentication no",
  "PermitRootLogin yes",
  "AcceptEnv LANG LC_*",
  "MaxStartups 200",
  "LogLevel VERBOSE",
  "PrintMotd no",
  "PrintLastLog no",
  "UseDNS no",
];

async function makeClientKeys(dir: string, options: Required<SshdOptions>): Promise<void> {
  const keys: string[] = [];
  for (const type of options.clientKeyTypes) {
    keys.push(await makeKey(`${dir}/id_${type}`, type, options.clientKeyPassphrase));
  }
  await Deno.writeTextFile(`${dir}/authorized_keys`, keys.join(""));
}

/** Replaces the host keys. Returns their lines for known_hosts. */
async function makeHostKeys(
  dir: string,
  port: number,
  types: readonly KeyType[],
): Promise<string> {
  for (const path of await hostKeyPaths(dir)) await Deno.remove(path);
  const lines: string[] = [];
  for (const type of types) {
    const [algorithm, key] = (await makeKey(`${dir}/host_${type}`, type, "")).split(" ");
    lines.push(`[127.0.0.1]:${port} ${algorithm} ${key}\n`);
  }
  return lines.join("");
}

async function hostKeyPaths(dir: string): Promise<string[]> {
  const paths = await Array.fromAsync(Deno.readDir(dir), ({ name }) => `${dir}/${name}`);
  return paths.filter((path) => /\/host_[a-z0-9]+$/.test(path)).sort();
}

async function makeKey(path: string, type: KeyType, passphrase: string): Promise<string> {
  // The shortest RSA key that sshd accepts: longer ones cost seconds in a test.
  const size = type === "rsa" ? ["-b", "2048"] : [];
  await run("/usr/bin/ssh-keygen", [
    ...["-q", "-t", type, ...size],
    ...["-N", passphrase, "-C", "test", "-f", path],
  ]);
  return await Deno.readTextFile(`${path}.pub`);
}

const pidFile = (dir: string): string => `${dir}/pid`;

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

function randomHex(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}
