import { dirname } from "node:path";
import { type Sshd, type SshdOptions, startSshd } from "./sshd.ts";
import { writeExecutable } from "../support/executable.ts";

/** Starts a server whose keys have options such as `command="…"`. */
export async function startWithKeyOptions(options: string, chosen: SshdOptions): Promise<Sshd> {
  const sshd = await startSshd(chosen);
  const path = `${dirname(sshd.keyPath)}/authorized_keys`;
  const keys = (await Deno.readTextFile(path)).trim().split("\n");
  await Deno.writeTextFile(path, keys.map((key) => `${options} ${key}\n`).join(""));
  return sshd;
}

/** Starts a server that answers every request with a script (`ForceCommand`). */
export async function startWithScript(script: string, chosen: SshdOptions): Promise<Sshd> {
  const dir = await Deno.makeTempDir({ prefix: "mre_forced_" });
  await Deno.chmod(dir, 0o755);
  writeExecutable(`${dir}/forced`, `#!/bin/sh\n${script}\n`);
  const config = [...chosen.config ?? [], `ForceCommand ${dir}/forced`];
  return await startSshd({ ...chosen, config });
}

/** Returns the lines of a file in the login's home; none if it does not exist. */
export async function linesOf(sshd: Sshd, name: string): Promise<string[]> {
  const text = await Deno.readTextFile(`${sshd.home}/${name}`).catch(() => "");
  return text.split("\n").slice(0, -1);
}
