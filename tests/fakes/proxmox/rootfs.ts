/** Root file systems for containers: small, real, and made of what this machine has. */
import { dirname } from "node:path";
import { copyExecutables } from "../../support/executable.ts";

const BUSYBOX = ["/usr/bin/busybox", "/bin/busybox"];

const HOST_TOOLS =
  ("sh base64 cat chmod chown cp cut dd df dirname env expr find grep head hostname id kill " +
    "ln ls mkdir mkfifo mktemp mount mv od printf ps pwd readlink rm rmdir sed sha256sum sleep sort " +
    "stat sync tail tar tee test touch tr true false umount uname wc").split(" ");

const FILES: Readonly<Record<string, string>> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\n" +
    "app:x:1000:1000::/home/app:/bin/sh\n",
  "etc/group": "root:x:0:\nwww-data:x:33:\napp:x:1000:\n",
  "etc/os-release": 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
};

/** What a root file system has. */
export interface RootfsOptions {
  readonly bash: boolean;
  readonly hostname: string;
  /** Programs that are left out. */
  readonly without: readonly string[];
  /** The only directory with programs; `/bin/sh` and `/usr/bin/env` exist besides. */
  readonly programs?: string;
  /** It gets another owner. */
  readonly isChowned?: boolean;
}

/**
 * Fills `directory` with a root file system: busybox if a static one is installed, else copies of
 * the host's own tools with their libraries. `bash` adds the host's bash, which is left out
 * otherwise, as in many small containers.
 */
export async function makeRootfs(
  directory: string,
  { bash, hostname, without, programs, isChowned = false }: RootfsOptions,
): Promise<void> {
  await makeFolders(directory);
  for (const [name, text] of Object.entries({ ...FILES, "etc/hostname": `${hostname}\n` })) {
    await Deno.writeTextFile(`${directory}/${name}`, text);
  }
  // The shell of busybox finds its own programs also where their names are missing.
  const isOwn = without.length > 0 || programs !== undefined;
  const busybox = isOwn ? undefined : await firstStatic(BUSYBOX);
  if (busybox === undefined) {
    await copyPrograms(directory, HOST_TOOLS);
  } else {
    copyExecutables([busybox], `${directory}/usr/bin`);
    if (isChowned) await run(busybox, ["--install", "-s", `${directory}/usr/bin`]);
    else {await run("cp", [
        "-al",
        `${await (names ??= makeNames(busybox))}/.`,
        `${directory}/usr/bin`,
      ]);}
  }
  if (bash) await copyPrograms(directory, ["bash"]);
  for (const name of without) await Deno.remove(`${directory}/usr/bin/${name}`);
  if (programs !== undefined) await movePrograms(directory, programs);
}

let names: Promise<string> | undefined;

/**
 * Returns a directory with the names of busybox's programs. A root file system has hard links to them: on
 * ext4, hundreds of inodes that were used seconds ago take a fifth of the CPU time of a test.
 */
async function makeNames(busybox: string): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "fake-pve-" });
  addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  await run(busybox, ["--install", "-s", directory]);
  await Deno.remove(`${directory}/busybox`);
  return directory;
}

async function movePrograms(directory: string, programs: string): Promise<void> {
  const target = `${directory}${programs}`;
  await Deno.mkdir(target.replace(/\/[^/]*$/, ""), { recursive: true });
  await Deno.rename(`${directory}/usr/bin`, target);
  await Deno.mkdir(`${directory}/usr/bin`);
  copyExecutables(["sh", "env"].map((name) => `${target}/${name}`), `${directory}/usr/bin`);
}

async function makeFolders(directory: string): Promise<void> {
  const folders = "dev etc home/app opt proc root sys tmp usr/bin usr/sbin usr/lib usr/lib64 " +
    "usr/local/bin var/tmp var/log";
  for (const name of folders.split(" ")) {
    await Deno.mkdir(`${directory}/${name}`, { recursive: true });
    await Deno.chmod(`${directory}/${name}`, 0o755);
  }
  for (const name of ["tmp", "var/tmp"]) await Deno.chmod(`${directory}/${name}`, 0o1777);
  await Deno.chmod(`${directory}/root`, 0o700);
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    await Deno.symlink(`usr/${name}`, `${directory}/${name}`);
  }
}

/** Returns the first static program. */
async function firstStatic(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    if ((await librariesOf(file))?.length === 0) return file;
  }
  return undefined;
}

const libraries = new Map<string, Promise<string[] | undefined>>();

/**
 * Returns the libraries of a program: empty for a static one, `undefined` if the file does not exist.
 * Asks `ldd` only once per program, because every guest asks.
 */
function librariesOf(file: string): Promise<string[] | undefined> {
  const known = libraries.get(file) ?? readLibraries(file);
  libraries.set(file, known);
  return known;
}

async function readLibraries(file: string): Promise<string[] | undefined> {
  if (await Deno.stat(file).catch(() => undefined) === undefined) return undefined;
  const { stdout } = await new Deno.Command("ldd", { args: [file], stderr: "null" }).output();
  const lines = new TextDecoder().decode(stdout).split("\n");
  return lines.flatMap((line) => /(?:=>\s*|^\s+)(\/\S+)/.exec(line)?.[1] ?? []);
}

/** Copies those programs that this machine has, with their libraries. */
async function copyPrograms(directory: string, names: readonly string[]): Promise<void> {
  const found = await Promise.all(names.map(findOnPath));
  const files = found.filter((file) => file !== undefined);
  copyExecutables(files, `${directory}/usr/bin`);
  const libraries = await Promise.all(files.map(async (file) => await librariesOf(file) ?? []));
  for (const [folder, paths] of Map.groupBy(new Set(libraries.flat()), dirname)) {
    await Deno.mkdir(`${directory}${folder}`, { recursive: true });
    copyExecutables(paths, `${directory}${folder}`);
  }
}

/** Returns the path of a program on PATH or in the usual directories. */
export async function findOnPath(name: string): Promise<string | undefined> {
  const folders = `${Deno.env.get("PATH") ?? ""}:/usr/sbin:/usr/bin:/sbin:/bin`.split(":");
  for (const folder of folders.filter((folder) => folder !== "")) {
    const found = await Deno.stat(`${folder}/${name}`).catch(() => undefined);
    if (found?.isFile) return `${folder}/${name}`;
  }
  return undefined;
}

/** Runs a program of this machine. @throws Error with its stderr if it fails */
export async function run(program: string, args: string[], env = {}): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, env, stdin: "null" })
    .output();
  if (!success) throw new Error(`${program} failed: ${new TextDecoder().decode(stderr)}`);
}
