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

/** Milliseconds that curl takes to fetch an address into a file that is not there yet. */
export async function timedCurl(url: string, path: string): Promise<number> {
  await Deno.remove(path).catch(() => {}); // it is not there in the first round
  return await timed(() => runProgram("curl", ["-fsS", "-o", path, url]));
}
