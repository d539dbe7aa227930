import { connect } from "node:net";

/** Starts a listener that drops every further attempt to connect, as a firewall does. */
export async function startBlackHole(hostname: string, port: number): Promise<AsyncDisposable> {
  const listener = Deno.listen({ hostname, port, tcpBacklog: 1 });
  // Nobody accepts them. With one more than the backlog, Linux ignores what comes.
  const waiting = [connect({ host: hostname, port }), connect({ host: hostname, port })];
  await Promise.all(
    waiting.map((socket) => new Promise((resolve) => socket.once("connect", resolve))),
  );
  return {
    async [Symbol.asyncDispose]() {
      listener.close();
      await Promise.all(waiting.map((socket) =>
        new Promise<void>((resolve) => {
          socket.once("close", () => resolve());
          socket.on("error", () => {});
          socket.destroy();
        })
      ));
    },
  };
}
