import { until } from "./until.ts";

/**
 * Returns a loopback port that nothing uses. It is below the kernel's ports for clients, so that neither a
 * client nor a server on any free port takes it before its user does.
 */
export function freePort(): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

const FIRST = 20_000;
const COUNT = 12_000;

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
