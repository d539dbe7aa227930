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
