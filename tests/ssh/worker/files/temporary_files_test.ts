import assert from "node:assert/strict";
import { isAbandoned, temporaryName } from "../../../../src/ssh/worker/files/temporary_files.ts";
import { pure } from "../../../support/pure.ts";
import { type SessionPlace, sessionTest } from "../../../support/session.ts";

const MINUTE_MS = 60_000;
const namesIn = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();

/** A file as a killed transfer leaves it, and others that only look like one. */
const LEFT = ".big.iso.0123456789ab.part";
const OTHERS = [
  "big.iso.0123456789ab.part",
  ".big.iso.0123456789ab.part.txt",
  ".big.iso.0123456789AB.part",
  ".big.iso.0123456789a.part",
  ".big.iso.part",
  ".big.iso.0123456789ab.old",
  "big.part",
];

function fill(directory: string): void {
  const long = new Date(Date.now() - 16 * MINUTE_MS);
  for (const name of [LEFT, ...OTHERS]) {
    Deno.writeTextFileSync(`${directory}/${name}`, "left");
    Deno.utimeSync(`${directory}/${name}`, long, long);
  }
  Deno.mkdirSync(`${directory}/.dir.0123456789ab.part`);
  Deno.utimeSync(`${directory}/.dir.0123456789ab.part`, long, long);
  Deno.symlinkSync("big.part", `${directory}/.link.0123456789ab.part`);
  // Another transfer still writes to it.
  Deno.writeTextFileSync(`${directory}/.young.0123456789ab.part`, "young");
}

const KEPT = [
  ...OTHERS,
  ".dir.0123456789ab.part",
  ".link.0123456789ab.part",
  ".young.0123456789ab.part",
];

const transfer = ({ session }: SessionPlace, way: "up" | "down") => {
  const [local, host] = [{ kind: "local", path: "f" }, { kind: "host", path: "g" }] as const;
  const ends = way === "up" ? { from: local, to: host } : { from: host, to: local };
  const request = { ...ends, maxBytes: 1_000, overwrite: true };
  return session.copy(request, new AbortController().signal, undefined);
};

sessionTest("a download removes abandoned files from its directory", async (place) => {
  fill(place.directory);
  Deno.writeTextFileSync(`${place.host.directory}/g`, "x");
  await transfer(place, "down");
  assert.deepEqual(namesIn(place.directory), [...KEPT, "f"].sort());
});

sessionTest(
  "an upload removes abandoned files on a host without a guard",
  async (place) => {
    const { directory } = place.host;
    fill(directory);
    Deno.writeTextFileSync(`${place.directory}/f`, "x");
    await transfer(place, "up");
    // The transfer does not wait for the sweep, because a directory may have many entries.
    while (namesIn(directory).includes(LEFT)) await place.exec("true");
    assert.deepEqual(namesIn(directory), [...KEPT, "g"].sort());
  },
);

pure("isAbandoned() matches every temporary name, and requires owner and age", () => {
  const [now, uid] = [100 * MINUTE_MS, 1_000];
  const old = { isFile: true, uid, mtimeMs: now - 16 * MINUTE_MS };
  for (const base of ["x", "a b\nc", "€".repeat(85), ".hidden", "-"]) {
    assert.equal(isAbandoned({ ...old, name: temporaryName(base) }, { uid, nowMs: now }), true);
  }
  const name = temporaryName("x");
  const others = [
    { uid: 1_001 },
    { uid: undefined },
    { mtimeMs: now - 14 * MINUTE_MS },
    { isFile: false },
    { name: `sub/${name}` },
  ];
  for (const other of others) {
    assert.equal(isAbandoned({ ...old, name, ...other }, { uid, nowMs: now }), false);
  }
});
