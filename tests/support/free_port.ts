import { until } from "./until.ts";

/** Below the kernel's ports for clients, so that neither a client nor a server on any free port gets one. */
const FIRST = 20_000;
const BLOCKS = 300;
/** The first port of a block is its lock; the others are for this file of tests only. */
const BLOCK = 40;
const { block, lock } = reserve();
// It ends with the file's isolate.
lock.unref();
let next = 1;

function reserve(): { readonly block: number; readonly lock: Deno.TcpListener } {
  for (;;) {
    const block = FIRST + BLOCK * Math.floor(Math.random() * BLOCKS);
    const lock = listenOn(block);
    if (lock !== undefined) return { block, lock };
  }
}

function listenOn(port: number): Deno.TcpListener | undefined {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return undefined;
    throw error;
  }
}

/** Returns a loopback port that nothing uses, and that no other tests get before its user takes it. */
export function freePort(): number {
  for (;;) {
    const port = block + next;
    next = next % (BLOCK - 1) + 1;
    const listener = listenOn(port);
    listener?.close();
    if (listener !== undefined) return port;
  }
}

/** Polls a port until something listens there. @throws Error if the process that should do so ends first */
export async function untilListening(
  port: number,
  ended: Promise<Deno.CommandStatus>,
): Promise<void> {
  let code: number | undefined;
  ended.then((status) => code = status.code);
  await until(`a server on port ${port}`, async () => {
    if (code !== undefined) throw new Error(`the server ended with ${code}`);
    return await isListening(port);
  });
}

async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}
