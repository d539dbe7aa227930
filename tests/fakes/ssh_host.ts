import { createServer, type Socket } from "node:net";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import type { AcceptConnection, Algorithms, Connection, ServerChannel, Session } from "ssh2";
import { installAuthentication, type SshHostUser } from "./ssh_host_auth.ts";
import { type HostKeyType, privateKeyOf, publicKeyOf } from "./ssh_host_keys.ts";
import { CommandSessions, type RunningCommand, startCommand } from "./ssh_host_exec.ts";
import { type SftpFault, SftpFaults } from "./ssh_host_faults.ts";
import { acceptRequestsAfterEof, hideExits, nameOpenFailure } from "./ssh_host_patches.ts";
import { serveSftp } from "./ssh_host_sftp.ts";
import { freePort } from "../support/free_port.ts";

export type { SshHostUser } from "./ssh_host_auth.ts";
export type { SftpFault } from "./ssh_host_faults.ts";
export type { HostKeyType } from "./ssh_host_keys.ts";

export interface SshHostOptions {
  /** Home and working directory. Default: a new one, removed by `close()`. */
  readonly directory?: string;
  /** The first one is the host's `username` and `password`. */
  readonly users?: readonly SshHostUser[];
  /** Types to generate, or private keys in the OpenSSH format. Default: one new ed25519 key. */
  readonly hostKeys?: readonly (HostKeyType | { readonly privateKey: string })[];
  /** Max channels of one connection at a time, as `MaxSessions` of sshd_config. Default: 10. */
  readonly maxSessions?: number;
  /** More variables for the commands; `PATH` is put before the host's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Text before the login, without the final newline. */
  readonly banner?: string;
  /** Software version, after `SSH-2.0-`. */
  readonly ident?: string;
  /** Ignores signals, like sshd 7.9 to 9.7 for root. */
  readonly ignoreSignals?: boolean;
  /** Decides about a command request: "hold" leaves it unanswered, "cut" ends the connection. */
  readonly answerExec?: (command: string) => "start" | "refuse" | "hold" | "cut";
  /** Closes the channel of a command without an exit status. */
  readonly hidesExits?: boolean;
  /** Ends the connection when a session is requested. */
  readonly cutsSessions?: boolean;
  readonly algorithms?: Algorithms;
  /** The port, for example of a closed host. Default: a free one. */
  readonly port?: number;
}

/** A temporary SSH server on 127.0.0.1 that behaves like OpenSSH. */
export interface SshHost extends AsyncDisposable {
  readonly hostname: string;
  readonly port: number;
  readonly username: string;
  /** Empty if the first user has none. */
  readonly password: string;
  readonly directory: string;
  /** Lines for a known_hosts file, one for each host key. */
  hostKeyLines(): string;
  /** Number of TCP connections since the start. */
  connectionCount(): number;
  /** Number of open TCP connections. */
  openConnections(): number;
  /** Number of commands since the start, without SFTP. */
  commandCount(): number;
  /** Max number of sessions that one connection had at the same time. */
  sessionsPeak(): number;
  /** Number of sessions refused because of `maxSessions` since the start. */
  sessionsRefused(): number;
  /** Cuts every connection without a disconnect message. Commands keep running. */
  dropConnections(): void;
  /** Connections stay open but nothing is read or answered; new ones get no greeting. */
  freeze(): void;
  /** Resumes after `freeze()`. */
  thaw(): void;
  /** Replaces the SFTP faults and resets their counts; `{}` removes them. */
  setFault(fault: SftpFault): void;
  /** Cuts the connections, kills everything that was started here and waits for its end. */
  close(): Promise<void>;
}

const HOSTNAME = "127.0.0.1";
const DEFAULT_USER: SshHostUser = { name: "operator", password: "open sesame" };
/** Source: Debian 12. ssh2 and OpenSSH choose request sizes and argument order by this name. */
const DEFAULT_IDENT = "OpenSSH_9.2p1 Debian-2+deb12u10";
const HOST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** sshd sends no keepalives. ssh2 cannot turn them off, but can wait 24 days. */
const KEEPALIVE_MS = 2 ** 31 - 1;

/** Starts a host. Dispose of it, or call `close()`, before the test ends. */
export async function startSshHost(options: SshHostOptions = {}): Promise<SshHost> {
  const host = new FakeHost(options);
  await host.listen();
  return host;
}

class FakeHost implements SshHost {
  readonly hostname = HOSTNAME;
  readonly username: string;
  readonly password: string;
  readonly directory: string;
  port = 0;

  readonly #options: SshHostOptions;
  readonly #users: readonly SshHostUser[];
  readonly #keys: readonly string[];
  readonly #ssh: ssh2.Server;
  readonly #faults = new SftpFaults();
  /** Keyed by the client's port. */
  readonly #sockets = new Map<number, Socket>();
  /** Accepted while the host is frozen. */
  #waiting: Socket[] = [];
  #isFrozen = false;
  readonly #commands = new Set<RunningCommand>();
  readonly #subsystems = new Set<Promise<void>>();
  readonly #processSessions = new CommandSessions();
  readonly #counts = { connections: 0, commands: 0, peak: 0, refused: 0 };
  readonly #tcp = createServer({ noDelay: true }, (socket) => this.#connected(socket));
  #closing: Promise<void> | undefined;

  constructor(options: SshHostOptions) {
    this.#options = options;
    this.#users = options.users ?? [DEFAULT_USER];
    this.username = this.#users[0]?.name ?? DEFAULT_USER.name;
    this.password = this.#users[0]?.password ?? "";
    this.directory = Deno.realPathSync(
      options.directory ?? Deno.makeTempDirSync({ prefix: "ssh_host_" }),
    );
    this.#keys = (options.hostKeys ?? ["ed25519"]).map(privateKeyOf);
    this.#ssh = new ssh2.Server({
      hostKeys: [...this.#keys],
      ident: options.ident ?? DEFAULT_IDENT,
      keepaliveInterval: KEEPALIVE_MS,
      ...(options.banner === undefined ? {} : { banner: options.banner }),
      ...(options.algorithms === undefined ? {} : { algorithms: options.algorithms }),
    }, (connection, { port }) => this.#greeted(connection, port));
  }

  async listen(): Promise<void> {
    const { port } = this.#options;
    while (this.port === 0) {
      // A port that looked free may still be in use by connections of an earlier host.
      await this.#listenOn(port ?? freePort()).catch((error) => {
        if (port !== undefined || error.code !== "EADDRINUSE") throw error;
      });
    }
  }

  async #listenOn(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#tcp.once("error", reject);
      this.#tcp.listen(port, HOSTNAME, () => {
        this.#tcp.off("error", reject);
        resolve();
      });
    });
    const address = this.#tcp.address();
    if (address !== null && typeof address === "object") this.port = address.port;
  }

  hostKeyLines(): string {
    return this.#keys.map((key) => `[${HOSTNAME}]:${this.port} ${publicKeyOf(key)}\n`).join("");
  }

  connectionCount = () => this.#counts.connections;
  openConnections = () => this.#sockets.size;
  commandCount = () => this.#counts.commands;
  sessionsPeak = () => this.#counts.peak;
  sessionsRefused = () => this.#counts.refused;
  setFault = (fault: SftpFault) => this.#faults.set(fault);

  dropConnections(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
  }

  freeze(): void {
    if (this.#isFrozen) return;
    this.#isFrozen = true;
    for (const socket of this.#sockets.values()) {
      socket.pause();
      socket.cork();
    }
  }

  thaw(): void {
    if (!this.#isFrozen) return;
    this.#isFrozen = false;
    const waiting = new Set(this.#waiting.splice(0));
    for (const socket of this.#sockets.values()) {
      if (waiting.has(socket)) {
        this.#ssh.injectSocket(socket);
      } else {
        socket.uncork();
        socket.resume();
      }
    }
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  [Symbol.asyncDispose] = () => this.close();

  async #close(): Promise<void> {
    const sockets = [...this.#sockets.values()].map(closed);
    const listener = new Promise((resolve) => this.#tcp.close(resolve));
    this.dropConnections();
    await Promise.all([listener, ...sockets]);
    await this.#processSessions.kill(this.port);
    await Promise.all([...this.#commands].map((command) => command.exited));
    await Promise.all(this.#subsystems);
    if (this.#options.directory === undefined) {
      await Deno.remove(this.directory, { recursive: true });
    }
  }

  #connected(socket: Socket): void {
    const port = socket.remotePort ?? 0;
    this.#counts.connections++;
    this.#sockets.set(port, socket);
    socket.once("close", () => this.#sockets.delete(port));
    if (!this.#isFrozen) return void this.#ssh.injectSocket(socket);
    socket.on("error", () => {});
    this.#waiting.push(socket);
  }

  #greeted(connection: Connection, port: number): void {
    const gone = new AbortController();
    const slots = { used: 0 };
    connection.on("error", () => {});
    connection.on("close", () => gone.abort());
    connection.on("request", (_accept, reject) => reject?.());
    nameOpenFailure(connection);
    if (this.#options.hidesExits === true) hideExits(connection);
    installAuthentication(connection, this.#users);
    connection.on("session", (accept, reject) => {
      if (this.#options.cutsSessions === true) return void this.#sockets.get(port)?.destroy();
      if (slots.used >= (this.#options.maxSessions ?? 10)) {
        this.#counts.refused++;
        return reject();
      }
      slots.used++;
      this.#counts.peak = Math.max(this.#counts.peak, slots.used);
      this.#opened(accept(), port, gone.signal, () => slots.used--);
    });
  }

  #opened(session: Session, port: number, gone: AbortSignal, freeSlot: () => void): void {
    let command: RunningCommand | undefined;
    const closing = new AbortController();
    const channelClosed = once(() => {
      closing.abort();
      command?.channelClosed();
      // A slot of MaxSessions stays in use until the channel is closed and the command has ended.
      if (command === undefined || command.hasExited()) freeSlot();
      else void command.exited.then(freeSlot);
    });
    session.on("close", channelClosed);
    gone.addEventListener("abort", channelClosed, { once: true });
    session.on("eof", () => acceptRequestsAfterEof(session));
    session.on("exec", (accept, reject, { command: line }) => {
      const answer = this.#options.answerExec?.(line) ?? "start";
      if (answer === "hold") return;
      if (answer === "cut") return this.#sockets.get(port)?.destroy();
      if (command !== undefined || answer === "refuse") return reject?.();
      command = this.#start(accept, line, port);
    });
    session.on("shell", (accept, reject) => {
      if (command !== undefined) return reject?.();
      command = this.#start(accept, undefined, port);
    });
    session.on("signal", (_accept, reject, { name }) => {
      if (command === undefined || this.#options.ignoreSignals === true) reject?.();
      else command.signal(name);
    });
    session.on("subsystem", (accept, reject, { name }) => {
      if (name !== "sftp" || this.#faults.active.refuseSubsystem === true) return reject?.();
      this.#serve(accept(), port, closing.signal);
    });
  }

  #start(
    accept: AcceptConnection<ServerChannel>,
    line: string | undefined,
    clientPort: number,
  ): RunningCommand {
    this.#counts.commands++;
    const command = startCommand(accept(), line, this.directory, this.#environment(clientPort));
    if (command.pid !== undefined) this.#processSessions.add(command.pid);
    this.#commands.add(command);
    void command.exited.then(() => this.#commands.delete(command));
    return command;
  }

  #serve(channel: ServerChannel, clientPort: number, signal: AbortSignal): void {
    const cut = () => void this.#sockets.get(clientPort)?.destroy();
    const options = { directory: this.directory, faults: this.#faults, cut, signal };
    const serving = serveSftp(channel, options);
    this.#subsystems.add(serving);
    void serving.then(() => this.#subsystems.delete(serving));
  }

  /** The variables that sshd sets, and none of this process. */
  #environment(clientPort: number): Record<string, string> {
    const { PATH, ...others } = this.#options.env ?? {};
    return {
      USER: this.username,
      LOGNAME: this.username,
      HOME: this.directory,
      SHELL: "/bin/sh",
      SSH_CLIENT: `${HOSTNAME} ${clientPort} ${this.port}`,
      SSH_CONNECTION: `${HOSTNAME} ${clientPort} ${HOSTNAME} ${this.port}`,
      ...others,
      PATH: PATH === undefined ? HOST_PATH : `${PATH}:${HOST_PATH}`,
    };
  }
}

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once("close", () => resolve()));

function once(run: () => void): () => void {
  let hasRun = false;
  return () => {
    if (!hasRun) run();
    hasRun = true;
  };
}
