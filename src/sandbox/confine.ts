import { closeSync } from "node:fs";
import process from "node:process";
import tty from "node:tty";
import threads from "node:worker_threads";

let isConfined = false;

/**
 * Takes from this worker what no permission of Deno governs, for good. Call it before the worker gets a byte
 * from outside.
 *
 * On Deno 2.9.4 a worker without any permission can read the stdin of the process and write to its stdout, which
 * are the MCP client, and `new net.Socket({ fd })` adopts every socket and pipe of the process, also those of
 * other workers (measured; the numbers can be guessed). A nested worker would have it all again.
 */
export function confine(): void {
  if (isConfined) return;
  closeClientStreams();
  // It is missing in the types.
  const { binding } = process as unknown as { readonly binding?: Binding };
  const handles = [["tcp_wrap", "TCP"], ["pipe_wrap", "Pipe"], ["udp_wrap", "UDP"]] as const;
  for (const [name, handle] of handles) {
    refuseMethods(binding?.(name)[handle], ["open", "openFromRid"]);
  }
  // Other code of this worker could get the handles again.
  seal(process, "binding", refuse);
  for (const terminal of [tty.ReadStream, tty.WriteStream]) seal(terminal, "prototype", null);
  for (const worker of [globalThis.Worker, threads.Worker]) refuseToConstruct(worker);
  isConfined = true;
}

function closeClientStreams(): void {
  for (const stream of [Deno.stdin, Deno.stdout]) stream.close();
  // node:fs has descriptors of its own for them. On Windows closing these closes those of the process too.
  if (Deno.build.os === "windows") return;
  for (const fd of [0, 1]) {
    try {
      closeSync(fd);
    } catch {
      // It is not open.
    }
  }
}

type Binding = (name: string) => Readonly<Record<string, unknown>>;

function refuseMethods(handle: unknown, names: readonly string[]): void {
  if (typeof handle !== "function") return;
  for (const name of names) seal(handle.prototype, name, refuse);
}

/** The constructor of a class with a parent class calls that of its prototype. */
function refuseToConstruct(made: object): void {
  Object.setPrototypeOf(made, refuse);
  Object.freeze(made);
}

function seal(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: false, configurable: false });
}

/** Also in place of a constructor. */
function refuse(): never {
  throw new Deno.errors.NotCapable("This worker has given it up");
}
