import { readFile, writeFile } from "node:fs/promises";
import { PLACEHOLDER, runHandedOut } from "../support/handed_out.ts";

/** What a handed out command has printed, and by what means it was carried out. */
export interface ByHand {
  readonly stdout: string;
  readonly how: string;
}

/**
 * Does with a handed out command what a person does: pastes the path and runs it. Without curl the
 * same request is made by other means.
 *
 * @throws Error when it fails
 */
export async function carryOut(command: string, path: string): Promise<ByHand> {
  if (!hasCurl()) return await withoutCurl(command, path);
  const { code, stdout, stderr } = await runHandedOut(command, path);
  if (code !== 0) throw new Error(`The command has failed (exit code ${code}):\n${stderr}`);
  return { stdout, how: "Run as it is, with the path in place of the placeholder" };
}

/** A command for the screen: a signature tells nobody anything. */
export const shortened = (command: string): string[] =>
  command.split("\n").map((line) => line.length > 110 ? `${line.slice(0, 107)}...` : line);

function hasCurl(): boolean {
  try {
    return new Deno.Command("curl", { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

async function withoutCurl(command: string, path: string): Promise<ByHand> {
  const how = "No curl on this machine: the same request was made without it";
  const url = /'(https?:[^']+)'/.exec(command)?.[1] ?? "";
  if (command.includes(`-T '${PLACEHOLDER}'`)) {
    const headers = [...command.matchAll(/-H '([^:']+): ([^']*)'/g)]
      .map(([, name = "", value = ""]): [string, string] => [name, value]);
    const body = new Uint8Array(await readFile(path));
    const response = await fetch(url, { method: "PUT", headers, body });
    return { stdout: `${await response.text()}HTTP ${response.status}\n`, how };
  }
  if (!command.includes("-X POST")) {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
    await writeFile(path, new Uint8Array(await response.arrayBuffer()));
    return { stdout: "", how };
  }
  const form = new FormData();
  const name = path.split("/").at(-1) ?? "";
  if (!command.includes(PLACEHOLDER)) throw new Error("The command has no placeholder");
  form.set("file", new Blob([new Uint8Array(await readFile(path))]), name);
  for (const [, field = "", value = ""] of command.matchAll(/--form-string '([^=']+)=([^']*)'/g)) {
    form.set(field, value);
  }
  const response = await fetch(url, { method: "POST", body: form });
  return { stdout: `${await response.text()}\nHTTP ${response.status}\n`, how };
}
