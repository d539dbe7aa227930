import { startDelayProxy } from "../tests/peers/delay_proxy.ts";

/** A server that sends back what it gets, behind a link with delay. */
export interface Echo extends AsyncDisposable {
  /** Sends a byte and waits for it to come back. */
  roundTrip(): Promise<void>;
}

/** Connects to such a server, each way taking `oneWayMs`. */
export async function startEcho(oneWayMs: number): Promise<Echo> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = listener.accept().then((socket) => socket.readable.pipeTo(socket.writable));
  const link = startDelayProxy({ targetPort: listener.addr.port, oneWayMs });
  const socket = await Deno.connect({ hostname: "127.0.0.1", port: link.port });
  return {
    async roundTrip() {
      await socket.write(new Uint8Array(1));
      await socket.read(new Uint8Array(1));
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      listener.close();
      await Promise.all([serving, link.close()]);
    },
  };
}
