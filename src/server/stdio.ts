/** Calls `stop` when a signal ends the process. */
export function onSignal(stop: (signal: Deno.Signal) => void): void {
  Deno.addSignalListener("SIGINT", () => stop("SIGINT"));
  // Windows has no SIGTERM.
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", () => stop("SIGTERM"));
}

/** Writes the complete text, however little the output accepts per call. */
export function writeAll(output: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += output.writeSync(bytes.subarray(done));
}
