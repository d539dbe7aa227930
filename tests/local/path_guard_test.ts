import assert from "node:assert/strict";
import { localSource } from "../../src/downloads/worker/sources/local_source.ts";
import type { PathBounds } from "../../src/local/paths.ts";
import { LocalFiles } from "../../src/ssh/worker/files/local/local_files.ts";
import { type AttackedPlace, attackedPlace, ATTACKS, SWAPS, withSwap } from "./attacks.ts";

const MANY = 1_000_000_000;

const boundsIn = ({ root, own, ownIdentities }: AttackedPlace): PathBounds => ({
  roots: [root],
  aliases: [],
  own,
  ownIdentities,
});

const fileTools = (place: AttackedPlace) => new LocalFiles(boundsIn(place));

/** Everything in the program that uses a local path, by what it does with it. */
const READERS: Readonly<Record<string, (place: AttackedPlace, path: string) => Promise<unknown>>> =
  {
    "LocalFiles.openSource()": async (place, path) => {
      await (await fileTools(place).openSource(path, MANY)).close();
    },
    "localSource()": async (place, path) =>
      await localSource({
        bounds: boundsIn(place),
        path,
        maxBytes: MANY,
        signal: new AbortController().signal,
        progress: undefined,
      }),
  };

const USERS: typeof READERS = {
  ...READERS,
  "LocalFiles.facts()": async (place, path) => await fileTools(place).facts(path),
  "LocalFiles.openSink()": async (place, path) => {
    const sink = await fileTools(place).openSink(path, { overwrite: true, mode: undefined });
    await sink.discard();
  },
  "LocalFiles.openSink() without overwrite": async (place, path) => {
    const sink = await fileTools(place).openSink(path, { overwrite: false, mode: undefined });
    await sink.discard();
  },
};

/** Every file with its size, to show that an attack changed nothing. */
const listing = (path: string): string[] =>
  [...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) =>
    isDirectory
      ? [`${path}/${name}/`, ...listing(`${path}/${name}`)]
      : [`${path}/${name} ${Deno.lstatSync(`${path}/${name}`).size}`]
  ).sort();

for (const [user, use] of Object.entries(USERS)) {
  Deno.test(`${user} refuses every path that leads out or to an own file`, async () => {
    for (const { name, arrange, path, code } of ATTACKS) {
      using place = attackedPlace();
      arrange?.(place);
      const before = [...listing(place.root), ...listing(place.outside)];
      await assert.rejects(use(place, path(place)), { code }, name);
      assert.deepEqual([...listing(place.root), ...listing(place.outside)], before, name);
    }
  });

  Deno.test(`${user} takes a file in an allowed directory, by each of its names`, async () => {
    if (user.endsWith("without overwrite")) return;
    using place = attackedPlace();
    Deno.symlinkSync("sub/f", `${place.root}/link`);
    for (const path of ["f", "./f", `${place.root}/f`, "link"]) await use(place, path);
  });
}

for (const [user, use] of Object.entries(READERS)) {
  for (const { name, swap } of SWAPS) {
    Deno.test(`${user} refuses a file when ${name} after it was checked`, async () => {
      using place = attackedPlace();
      await withSwap(`${place.root}/sub/f`, () => swap(place), async () => {
        await assert.rejects(use(place, "sub/f"), { code: "changed" });
      });
    });
  }
}

Deno.test("LocalFiles.openSink() creates nothing in an own directory", async () => {
  using place = attackedPlace();
  const sink = fileTools(place).openSink("own/new/f", { overwrite: true, mode: undefined });
  await assert.rejects(sink, { code: "not_permitted" });
  assert.deepEqual([...Deno.readDirSync(`${place.root}/own`)].map(({ name }) => name), ["main.ts"]);
});

Deno.test("a local path may begin with another name of an allowed directory", async () => {
  using place = attackedPlace();
  const alias = `${place.outside}/alias`;
  Deno.symlinkSync(place.root, alias);
  const bounds = { ...boundsIn(place), aliases: [{ path: alias, real: place.root }] };
  await (await new LocalFiles(bounds).openSource(`${alias}/f`, MANY)).close();
  await assert.rejects(fileTools(place).openSource(`${alias}/f`, MANY), {
    code: "outside_directories",
  });
});
