/** How the programs are started, and how containers can be isolated on this machine. */
import { shellQuote } from "../../../src/shell/quote.ts";
import type { Isolation } from "./options.ts";
import { NODE_OPTIONS } from "./bundle.ts";
import { run } from "./rootfs.ts";

/** `pct exec` ends in the guest's command: the script asks for a plan and runs it in the shell. */
export function launcher(program: string, interpreter: string, stateDirectory: string): string {
  const words = [interpreter, ...NODE_OPTIONS, `${stateDirectory}/pve.cjs`];
  const call = `${words.map(shellQuote).join(" ")} ${program} "$@"`;
  const plan = `if [ "\${1#e}" != "\${1-}" ]; then
  plan=$(${call} </dev/null) || exit $?
  eval "$plan"
fi
`;
  return `#!/bin/sh
PVE_FAKE_ROOT=${shellQuote(stateDirectory)}
export PVE_FAKE_ROOT
${program === "pct" ? plan : ""}exec ${call}
`;
}

/** Returns the best isolation that works here. */
export async function findIsolation(): Promise<Isolation> {
  const works = async (args: string[]) => await run("unshare", args).then(() => true, () => false);
  const mount = ["sh", "-c", "mount -t proc proc /proc"];
  if (Deno.uid() === 0) {
    return await works(["--mount", "--pid", "--fork", ...mount]) ? "namespaces" : "chroot";
  }
  const own = ["--map-root-user", "--mount", "--pid", "--fork", ...mount];
  return await works(own) ? "user-namespace" : "none";
}
