import process from "node:process";

/** Calls `stop` once, when the client goes away or the process is told to end. */
export function onEnd(stop: (reason: string) => void): void {
  let called = false;
  const once = (reason: string) => () => {
    if (!called) stop(reason);
    called = true;
  };
  process.stdin.once("end", once("stdin ended"));
  process.stdin.once("close", once("stdin closed"));
  process.stdout.once("error", once("stdout closed"));
  Deno.addSignalListener("SIGINT", once("SIGINT"));
  // Windows knows no SIGTERM.
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", once("SIGTERM"));
}
