import type { Socket } from "node:net";

/** A host that says nothing at all for so long after a request is taken for gone. */
const SILENCE_MS = 3_000;

/** Calls `onSilence` once when not one byte arrives for a while; gives a function that stops watching. */
export function watchSilence(socket: Socket, onSilence: () => void): () => void {
  let seen = socket.bytesRead;
  const timer = setInterval(() => {
    if (!socket.destroyed && socket.bytesRead !== seen) {
      seen = socket.bytesRead;
      return;
    }
    clearInterval(timer);
    onSilence();
  }, SILENCE_MS);
  return () => clearInterval(timer);
}
