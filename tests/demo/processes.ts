import process from "node:process";
import { aliveWithMarker } from "../peers/processes.ts";

/** Command lines, or on Linux pids, of the living processes that carry `marker`. */
export async function livingWith(marker: string): Promise<(number | string)[]> {
  if (Deno.build.os === "linux") return aliveWithMarker(marker);
  const { stdout } = await new Deno.Command("ps", { args: ["-A", "-ww", "-o", "command="] })
    .output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line.includes(marker));
}

/** Is there still a process with this pid? */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
