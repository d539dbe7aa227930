import { type Output, runCommand } from "./command.ts";

/** The placeholder for the path in commands that tools return. */
export const PLACEHOLDER = "<YOUR_FILE_PATH>";

/** Runs such a command in sh as a person does, with the path in place of the placeholder. */
export async function runHandedOut(command: string, path: string): Promise<Output> {
  return await runCommand("sh", ["-c", command.replace(PLACEHOLDER, () => path)]);
}

/** The `fileId` in ImageKit's answer to an upload. */
export const fileIdIn = (stdout: string): string => /"fileId":"([^"]+)"/.exec(stdout)?.[1] ?? "";
