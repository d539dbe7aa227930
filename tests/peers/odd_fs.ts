import { fileURLToPath } from "node:url";
import { runCommand } from "../support/command.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { until } from "../support/until.ts";

/** A mounted file system of `odd_fs.py`. */
export interface OddFs extends AsyncDisposable {
  readonly path: string;
  /** Writes a file, as another program on the machine would. */
  writeFile(name: string, content: Uint8Array): void;
  /** Makes a file unreadable beyond its first megabyte, or readable again. */
  breakFile(name: string, isBroken: boolean): void;
}

/** Whether the library is there and this machine lets root mount such a file system: many containers do not. */
export const mayMountOddFs: boolean = await (async () => {
  if (Deno.uid() !== 0 || !isThere("/dev/fuse")) return false;
  if (!isThere("/usr/lib/python3/dist-packages/fusepy.py")) return false;
  await using mounted = await mount().catch(() => undefined);
  return mounted !== undefined;
})();

/** Mounts a file system with odd rules. */
export const mountOddFs = mount;

async function mount(): Promise<OddFs> {
  const root = temporaryDirectory();
  const [backing, path] = [`${root.path}/backing`, `${root.path}/mounted`];
  Deno.mkdirSync(backing);
  Deno.mkdirSync(path);
  const script = fileURLToPath(new URL("odd_fs.py", import.meta.url));
  const child = new Deno.Command("/usr/bin/python3", {
    args: [script, backing, path],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let hasExited = false;
  child.status.then(() => hasExited = true);
  const isMounted = () => Deno.statSync(path).dev !== Deno.statSync(root.path).dev;
  await until("the mount", () => hasExited || isMounted());
  const remove = () => root[Symbol.dispose]();
  if (!isMounted()) {
    remove();
    throw new Error("the file system cannot be mounted");
  }
  return {
    path,
    writeFile: (name, content) => Deno.writeFileSync(`${backing}/${name}`, content),
    breakFile(name, isBroken) {
      if (isBroken) Deno.writeTextFileSync(`${backing}/${name}.broken`, "");
      else Deno.removeSync(`${backing}/${name}.broken`);
    },
    async [Symbol.asyncDispose]() {
      await runCommand("umount", ["-l", path]);
      await child.status;
      remove();
    },
  };
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
