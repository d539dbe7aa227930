import { timed } from "./harness.ts";

/** Runs a program to its end; its output is thrown away. @throws Error when it fails */
export async function runProgram(program: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return;
  throw new Error(`${program} ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
}

/**
 * Milliseconds that curl takes to fetch an address into a file that is not there yet.
 *
 * @throws Error unless it has `least` bytes then
 */
export async function timedCurl(url: string, path: string, least: number): Promise<number> {
  await Deno.remove(path).catch(() => {}); // it is not there in the first round
  const ms = await timed(() => runProgram("curl", ["-fsS", "-o", path, url]));
  const { size } = await Deno.stat(path);
  if (size < least) throw new Error(`curl has stored ${size} bytes, not ${least}`);
  return ms;
}
