import process from "node:process";

/** Calls `stop` once, when the client goes away or a signal ends the process. */
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
  // Windows has no SIGTERM.
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", once("SIGTERM"));
}

/** Writes the complete text, however little the output accepts per call. */
export function writeAll(output: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += output.writeSync(bytes.subarray(done));
}
