import type { Socket } from "node:net";

/**
 * Sends what is written in one go as one piece. ssh2 writes each packet in three parts (length,
 * payload, MAC); with Nagle off each part would be a system call and a TCP segment of its own.
 */
export function gatherWrites(socket: Socket): void {
  const write: typeof socket.write = socket.write.bind(socket);
  let corked = false;
  const uncork = () => {
    corked = false;
    socket.uncork();
  };
  socket.write = (...args: unknown[]) => {
    if (!corked) {
      corked = true;
      socket.cork();
      queueMicrotask(uncork);
    }
    // The same arguments in the same order; the overloads of write cannot be named here.
    return write(...args as Parameters<typeof socket.write>);
  };
}
