import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import type { Client, ClientChannel, ConnectConfig, SFTPWrapper } from "ssh2";
import { type SshHost, type SshHostOptions, startSshHost } from "./ssh_host.ts";

/** How a command ended and what it wrote. */
export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
  readonly signal: string | undefined;
}

/** Returns a client that is logged in as the first user of the host. */
export async function login(host: SshHost, config: ConnectConfig = {}): Promise<Client> {
  const socket = connectTcp({ host: host.hostname, port: host.port, noDelay: true });
  const client = new ssh2.Client();
  const { promise, resolve, reject } = Promise.withResolvers<Client>();
  client.on("error", reject).once("ready", () => resolve(client));
  client.connect({ sock: socket, username: host.username, password: host.password, ...config });
  return await promise;
}

/** Settles when the connection is closed; `once()` of node:events would fail on its errors. */
export const connectionClosed = (client: Client): Promise<void> =>
  new Promise((resolve) => client.once("close", () => resolve()));

/** Ends a client and waits until its connection is closed. */
export async function logout(client: Client): Promise<void> {
  const closed = connectionClosed(client);
  client.end();
  await closed;
}

/** Starts a command. */
export const open = (client: Client, command: string): Promise<ClientChannel> =>
  new Promise((resolve, reject) =>
    client.exec(command, (error, channel) => error ? reject(error) : resolve(channel))
  );

/** Opens the SFTP subsystem. */
export const openSftp = (client: Client): Promise<SFTPWrapper> =>
  new Promise((resolve, reject) =>
    client.sftp((error, sftp) => error ? reject(error) : resolve(sftp))
  );

/** Reads a channel to its end. */
export async function finish(channel: ClientChannel): Promise<Ended> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let ended: { status: number | null; signal: string | undefined } | undefined;
  channel.on("data", (data: Buffer) => stdout.push(data));
  channel.stderr.on("data", (data: Buffer) => stderr.push(data));
  channel.on("exit", (status: number | null, signal?: string) => ended = { status, signal });
  await once(channel, "close");
  return {
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString(),
    status: ended?.status ?? null,
    signal: ended?.signal,
  };
}

/** Runs a command to its end. */
export const exec = async (client: Client, command: string) => finish(await open(client, command));

/** Converts a call with a Node callback to a promise. */
export const call = <T>(run: (done: (error: Error | null | undefined, value: T) => void) => void) =>
  new Promise<T>((resolve, reject) =>
    run((error, value) => error ? reject(error) : resolve(value))
  );

/** Like `call()`, for a callback without a value. */
export const plain = (run: (done: (error?: Error | null) => void) => void) =>
  call<void>((done) => run((error) => done(error, undefined)));

/** A test with a host and a client that is logged in. */
export function hostTest(
  name: string,
  run: (host: SshHost, client: Client) => Promise<void>,
  options: SshHostOptions = {},
): void {
  Deno.test(name, async () => {
    await using host = await startSshHost(options);
    const client = await login(host);
    client.on("error", () => {});
    const closed = connectionClosed(client);
    try {
      await run(host, client);
    } finally {
      client.end();
      await closed;
    }
  });
}

/** Returns bytes without repetition. */
export const content = (bytes: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: bytes }, (_, at) => (at * 31) >> 3));

/** Reports whether a process runs; a zombie does not. */
export const isAlive = (pid: number): boolean => {
  try {
    return !/\) [ZX] /.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
};
