import { Buffer } from "node:buffer";
import fs from "node:fs";
import net from "node:net";
import process from "node:process";
import tty from "node:tty";
import threads from "node:worker_threads";

/** What the worker of a host may reach, and what belongs to the other host. */
export interface TakeoverTask {
  readonly own: Belongings;
  readonly other: Belongings;
  /** File descriptors of the process, which are small numbers. */
  readonly maxFd: number;
}

interface Belongings {
  readonly host: string;
  readonly port: number;
  readonly key: string;
}

type Attack = (task: TakeoverTask) => unknown;

/** What a worker of a host may do, to see that the attacks would work. */
export const ALLOWED: Readonly<Record<string, Attack>> = {
  "connect to its own host": ({ own }) => connect(own),
  "read its own key": ({ own }) => Deno.readTextFileSync(own.key).length,
};

/** What must fail. */
export const FORBIDDEN: Readonly<Record<string, Attack>> = {
  "connect to the other host": ({ other }) => connect(other),
  "connect to the other host, through node:net": ({ other: { host, port } }) =>
    settled(net.connect({ host, port }), "connect"),
  "read the key of the other host": ({ other }) => Deno.readTextFileSync(other.key).length,
  "read the memory of the process": () => Deno.openSync("/proc/self/mem").close(),
  "read a file descriptor by its path": () => Deno.readTextFileSync("/proc/self/fd/0"),
  "start a worker that may connect": ({ other }) =>
    nested({ net: [`${other.host}:${other.port}`] }),
  "start a worker that may what it may itself": ({ own }) =>
    nested({ net: [`${own.host}:${own.port}`] }),
  "start a worker of node:worker_threads": () => new threads.Worker("1", { eval: true }).unref(),
  "adopt a socket as a stream": (task) => eachFd(task, adopt),
  "adopt a socket as a server": (task) => eachFd(task, listen),
  "adopt a terminal": (task) => eachFd(task, (fd) => new tty.ReadStream(fd).destroy()),
  "adopt a socket, by its handle": openHandles,
  "read a file descriptor": (task) => eachFd(task, (fd) => fs.readSync(fd, Buffer.alloc(8))),
  "read the client's requests": () => Deno.stdin.readSync(new Uint8Array(8)),
  "read the client's requests, through node:process": () => settled(process.stdin, "data"),
  "answer the client": () => Deno.stdout.writeSync(FORGED),
  "answer the client, through node:fs": () => fs.writeSync(1, FORGED),
  "answer the client, through node:process": () => settledWrite(process.stdout),
  "get handles of the runtime": () =>
    Object.keys(Reflect.get(process, "binding").call(process, "tty_wrap")),
};

/** Messages that launcher and main could take for a request; nothing reports whether they did. */
export function forge({ other }: TakeoverTask): void {
  const { port1, port2 } = new MessageChannel();
  const row = { net: [`${other.host}:${other.port}`], read: ["/"], write: ["/"] };
  globalThis.postMessage([row]);
  globalThis.postMessage({ start: 77, row: 1, port: port2 }, [port2]);
  globalThis.postMessage({ end: 1 });
  globalThis.postMessage({ end: 2 });
  globalThis.postMessage({ died: 2, message: "forged" });
  port1.close();
}

const FORGED = new TextEncoder().encode("forged\n");

async function connect({ host, port }: Belongings): Promise<void> {
  (await Deno.connect({ hostname: host, port })).close();
}

function nested(permissions: Deno.PermissionOptionsObject): void {
  const module = URL.createObjectURL(new Blob([""], { type: "text/javascript" }));
  new Worker(module, { type: "module", deno: { permissions } }).terminate();
}

/** Succeeds if the attack works on one descriptor; otherwise throws the last error. */
async function eachFd(
  { maxFd }: TakeoverTask,
  attack: (fd: number) => unknown,
): Promise<string> {
  let last: unknown;
  // Not stderr, which is for the log of every worker.
  for (const fd of Array.from({ length: maxFd + 1 }, (_, at) => at).filter((at) => at !== 2)) {
    try {
      await attack(fd);
      return `descriptor ${fd}`;
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

function adopt(fd: number): void {
  const socket = new net.Socket({ fd });
  socket.on("error", () => {});
  socket.destroy();
}

const listen = (fd: number) => settled(net.createServer().listen({ fd }), "listening");

/** The class of a handle is reached through any socket. */
async function openHandles(task: TakeoverTask): Promise<string> {
  const socket = net.connect(task.own);
  const { constructor: Handle } = Reflect.get(socket, "_handle");
  await settled(socket, "connect");
  socket.destroy();
  return await eachFd(task, (fd) => {
    const code = new Handle(0).open(fd);
    if (code !== 0) throw new Error(`not opened: ${code}`);
  });
}

interface Emitter {
  once(event: string, listener: (value: unknown) => void): unknown;
}

/** Waits for an event; an error or the end is a failure. */
function settled(emitter: Emitter, event: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  emitter.once(event, resolve);
  for (const failure of ["error", "end", "close"]) emitter.once(failure, reject);
  return promise;
}

function settledWrite(stream: NodeJS.WriteStream): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  stream.once("error", reject);
  stream.write(FORGED, (error) => error ? reject(error) : resolve("written"));
  return promise;
}
