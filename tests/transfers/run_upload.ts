import { shellText } from "../support/command.ts";

/** Runs an upload command of a tool as a person does, with this file, and returns its output. */
export async function runUpload(command: string, content: string | Uint8Array): Promise<string> {
  const path = await Deno.makeTempFile();
  try {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(path, bytes);
    return await shellText(command.replace("<YOUR_FILE_PATH>", path));
  } finally {
    await Deno.remove(path);
  }
}
