/** What stands in handed out commands for the reader's path. */
export const PLACEHOLDER = "<YOUR_FILE_PATH>";

/** How a handed out command ended. */
export interface HandedOut {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Does in sh what a person does with a command that a tool has handed out: pastes the path, runs it. */
export async function runHandedOut(command: string, path: string): Promise<HandedOut> {
  const line = command.replace(PLACEHOLDER, () => path);
  const { code, stdout, stderr } = await new Deno.Command("sh", { args: ["-c", line] }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** The fileId in what ImageKit answered to an upload. */
export const fileIdIn = (stdout: string): string => /"fileId":"([^"]+)"/.exec(stdout)?.[1] ?? "";
