/** Runs scripts in different shells, with only those programs that a test provides. */
import { temporaryDirectory } from "../../../../support/temporary_directory.ts";
import { BUSYBOX, peerTest } from "../../../../peers/require.ts";
import { writeExecutable } from "../../../../support/executable.ts";

/** Runs scripts in one kind of shell. */
export interface Shell {
  /** A directory with the file `old` in it. */
  readonly dir: string;
  /** Installs a program for the scripts; without `to`, one that fails. */
  provide(name: string, to?: string): void;
  /** Installs a shell script as a program, in place of another. It finds the real ones in `/usr/bin`. */
  replace(name: string, script: string): void;
  /** Returns the output of a script. */
  run(script: string, stdin?: string): Promise<string>;
  names(): string[];
}

const SHELLS = { "sh": "/bin/sh", "busybox sh": "/usr/bin/busybox" } as const;
type Kind = keyof typeof SHELLS;

/**
 * Registers a test for each kind of shell.
 *
 * @param kinds without busybox if a program must be missing: its shell has all programs built in
 */
export function scriptTest(
  name: string,
  work: (shell: Shell) => Promise<void>,
  kinds: readonly Kind[] = ["sh", "busybox sh"],
): void {
  for (const kind of kinds) {
    const fn = async () => {
      using root = temporaryDirectory();
      const bin = `${root.path}/bin`;
      const dir = `${root.path}/dir`;
      for (const path of [bin, dir]) Deno.mkdirSync(path);
      Deno.writeTextFileSync(`${dir}/old`, "old content");
      const provide: Shell["provide"] = (program, to = "/bin/false") =>
        Deno.symlinkSync(to, `${bin}/${program}`);
      const replace: Shell["replace"] = (program, script) => {
        Deno.removeSync(`${bin}/${program}`);
        writeExecutable(`${bin}/${program}`, `#!/bin/sh\n${script}\n`);
      };
      provide("sh", SHELLS[kind]);
      const tools = "readlink dd wc stat dirname chown chmod mv rm head tail cut";
      for (const tool of tools.split(" ")) {
        provide(tool, kind === "sh" ? `/usr/bin/${tool}` : SHELLS["busybox sh"]);
      }
      await work({
        dir,
        provide,
        replace,
        run: (script, stdin = "") => run(bin, script, stdin),
        names,
      });

      function names(): string[] {
        return Array.from(Deno.readDirSync(dir), ({ name }) => name).toSorted();
      }
    };
    peerTest({ name: `${name} (${kind})`, peer: kind === "busybox sh" ? BUSYBOX : [], fn });
  }
}

async function run(bin: string, script: string, stdin: string): Promise<string> {
  const child = new Deno.Command(`${bin}/sh`, {
    args: ["-c", script],
    clearEnv: true,
    env: { PATH: bin },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  // A script that refuses at once does not read its stdin.
  await writer.write(new TextEncoder().encode(stdin)).then(() => writer.close()).catch(() => {});
  return new TextDecoder().decode((await child.output()).stdout);
}
