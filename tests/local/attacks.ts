import { temporaryDirectory } from "../support/temporary_directory.ts";

/** An allowed directory with the server's own files in it, and a directory with a secret beside it. */
export interface AttackedPlace extends Disposable {
  /** `in/` with `f`, `sub/f`, `.env` (own), `own/` (an own directory with `main.ts`). */
  readonly root: string;
  /** `out/` with `secret`. */
  readonly outside: string;
  /** By name: `.env`, `audit.jsonl` (does not exist), `own`. */
  readonly own: readonly string[];
  /** Of `out/secret`, as main hands over what the worker may not look at. */
  readonly ownIdentities: readonly { readonly dev: number; readonly ino: number | null }[];
}

/** A path that no worker may read or write, with what an attacker has prepared. */
export interface Attack {
  readonly name: string;
  readonly arrange?: (place: AttackedPlace) => void;
  readonly path: (place: AttackedPlace) => string;
  readonly code: "invalid_argument" | "not_permitted" | "outside_directories";
}

export function attackedPlace(): AttackedPlace {
  const directory = temporaryDirectory();
  const [root, outside] = [`${directory.path}/in`, `${directory.path}/out`];
  for (const path of [root, `${root}/sub`, `${root}/own`, outside]) Deno.mkdirSync(path);
  for (const path of ["f", "sub/f"]) Deno.writeTextFileSync(`${root}/${path}`, "for everybody");
  Deno.writeTextFileSync(`${root}/.env`, "SSH_PASSWORD=correct horse");
  Deno.writeTextFileSync(`${root}/own/main.ts`, "the program");
  Deno.writeTextFileSync(`${outside}/secret`, "secret");
  const { dev, ino } = Deno.statSync(`${outside}/secret`);
  return {
    root,
    outside,
    own: [`${root}/.env`, `${root}/audit.jsonl`, `${root}/own`],
    ownIdentities: [{ dev, ino }],
    [Symbol.dispose]: () => directory[Symbol.dispose](),
  };
}

const link = (target: string, name: string) => ({ root }: AttackedPlace) =>
  Deno.symlinkSync(target, `${root}/${name}`);
const at = (path: string) => () => path;

/** What reading and writing must refuse alike. */
export const ATTACKS: readonly Attack[] = [
  { name: "`..` that leads out", path: at("../out/secret"), code: "invalid_argument" },
  { name: "`..` that stays inside", path: at("sub/../f"), code: "invalid_argument" },
  { name: "`..` with backslashes", path: at("..\\out\\secret"), code: "invalid_argument" },
  { name: "`..` alone", path: at(".."), code: "invalid_argument" },
  { name: "a home directory", path: at("~/.ssh/id_ed25519"), code: "invalid_argument" },
  { name: "an absolute path", path: at("/etc/passwd"), code: "outside_directories" },
  {
    name: "an absolute path that does not exist",
    path: ({ outside }) => `${outside}/none`,
    code: "outside_directories",
  },
  {
    name: "a directory whose name begins alike",
    arrange: ({ root }) => Deno.mkdirSync(`${root}side`),
    path: ({ root }) => `${root}side/f`,
    code: "outside_directories",
  },
  {
    name: "an absolute link out",
    arrange: (place) => link(`${place.outside}/secret`, "link")(place),
    path: at("link"),
    code: "outside_directories",
  },
  {
    name: "a relative link out",
    arrange: link("../out/secret", "link"),
    path: at("link"),
    code: "outside_directories",
  },
  {
    name: "a linked directory",
    arrange: link("../out", "folder"),
    path: at("folder/secret"),
    code: "outside_directories",
  },
  {
    name: "a link to a linked directory",
    arrange: (place) => {
      link("../out", "folder")(place);
      link("folder", "twice")(place);
    },
    path: at("twice/secret"),
    code: "outside_directories",
  },
  { name: "an own file", path: at(".env"), code: "not_permitted" },
  { name: "an own file by another spelling", path: at(".//./.env"), code: "not_permitted" },
  {
    name: "a link to an own file",
    arrange: link(".env", "link"),
    path: at("link"),
    code: "not_permitted",
  },
  {
    name: "a hard link to an own file",
    arrange: ({ root }) => Deno.linkSync(`${root}/.env`, `${root}/hard`),
    path: at("hard"),
    code: "not_permitted",
  },
  {
    name: "a hard link to an own file outside",
    arrange: ({ root, outside }) => Deno.linkSync(`${outside}/secret`, `${root}/hard`),
    path: at("hard"),
    code: "not_permitted",
  },
  { name: "a file in an own directory", path: at("own/main.ts"), code: "not_permitted" },
  {
    name: "a link into an own directory",
    arrange: link("own", "folder"),
    path: at("folder/main.ts"),
    code: "not_permitted",
  },
];

/** Replaces `sub` by a link to `outside`, in which the same name is a secret. */
export function replaceDirectory({ root, outside }: AttackedPlace): void {
  Deno.renameSync(`${root}/sub`, `${root}/away`);
  Deno.renameSync(`${outside}/secret`, `${outside}/f`);
  Deno.symlinkSync(outside, `${root}/sub`);
}

/** What an attacker does to `sub/f` between the check and the opening. */
export const SWAPS: readonly {
  readonly name: string;
  readonly swap: (place: AttackedPlace) => void;
}[] = [
  { name: "its directory becomes a link out", swap: replaceDirectory },
  {
    name: "it becomes a link out",
    swap: ({ root, outside }) => {
      Deno.removeSync(`${root}/sub/f`);
      Deno.symlinkSync(`${outside}/secret`, `${root}/sub/f`);
    },
  },
  {
    name: "it becomes a hard link to an own file",
    swap: ({ root }) => {
      Deno.removeSync(`${root}/sub/f`);
      Deno.linkSync(`${root}/.env`, `${root}/sub/f`);
    },
  },
  {
    name: "it becomes another file",
    swap: ({ root }) => {
      Deno.writeTextFileSync(`${root}/sub/new`, "another");
      Deno.renameSync(`${root}/sub/new`, `${root}/sub/f`);
    },
  },
  {
    name: "it becomes a FIFO",
    swap: ({ root }) => {
      Deno.removeSync(`${root}/sub/f`);
      new Deno.Command("mkfifo", { args: [`${root}/sub/f`] }).outputSync();
    },
  },
  { name: "it is removed", swap: ({ root }) => Deno.removeSync(`${root}/sub/f`) },
];

/** Runs an attack between the check of a path and its opening. */
export async function withSwap(path: string, swap: () => void, run: () => Promise<void>) {
  const lstat = Deno.lstat;
  let isDone = false;
  Deno.lstat = async (place) => {
    const info = await lstat(place);
    if (String(place) === path && !isDone) {
      isDone = true;
      swap();
    }
    return info;
  };
  try {
    await run();
  } finally {
    Deno.lstat = lstat;
  }
  if (!isDone) throw new Error("the attack did not take place");
}
