import assert from "node:assert/strict";
import { readEnvFile, readTrustedEnvFile } from "../../src/cli/env_file.ts";
import { peerTest, ROOT } from "../peers/require.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const TEXT = "HOST=server.example\n";
const utf16 = (text: string, mark: readonly number[]) => [
  ...mark,
  ...[...text].flatMap((char) =>
    mark[0] === 0xfe ? [0, char.charCodeAt(0)] : [char.charCodeAt(0), 0]
  ),
];
const bytesOf = (text: string) => [...new TextEncoder().encode(text)];

Deno.test("readEnvFile() accepts a byte order mark and every byte of UTF-8", () => {
  using place = temporaryDirectory();
  const path = `${place.path}/env`;
  Deno.writeFileSync(path, Uint8Array.of(0xef, 0xbb, 0xbf, ...bytesOf(`${TEXT}SSH_PASSWORD=ü€😀`)));
  assert.equal(readEnvFile(path), `${TEXT}SSH_PASSWORD=ü€😀`);
});

const UNREADABLE: readonly (readonly [string, readonly number[], RegExp])[] = [
  ["UTF-16, little endian", utf16(TEXT, [0xff, 0xfe]), /: it is UTF-16$/],
  ["UTF-16, big endian", utf16(TEXT, [0xfe, 0xff]), /: it is UTF-16$/],
  ["UTF-16 without a mark", utf16(TEXT, []), /: it is UTF-16$/],
  ["a NUL at the end", bytesOf(`${TEXT}\0`), /: it contains a NUL character$/],
  ["a NUL in a value", bytesOf("HOST=a\0b.example\nSSH_PORT=22\n"), /: it contains a NUL/],
  ["Latin-1", [...bytesOf(TEXT), 0xfc], /: it is not UTF-8$/],
];

for (const [name, bytes, message] of UNREADABLE) {
  Deno.test(`readEnvFile() names ${name} as the fault`, () => {
    using place = temporaryDirectory();
    const path = `${place.path}/env`;
    Deno.writeFileSync(path, Uint8Array.from(bytes));
    const expected = { code: "configuration", message, suggestion: "Save it as UTF-8 text" };
    assert.throws(() => readEnvFile(path), expected);
    assert.throws(() => readTrustedEnvFile(path, undefined), expected);
  });
}

/** A directory that only this user can write, with a `.env` in it. */
function trustedPlace() {
  const place = temporaryDirectory();
  const directory = `${place.path}/sub`;
  Deno.mkdirSync(directory, { mode: 0o755 });
  const path = `${directory}/.env`;
  Deno.writeTextFileSync(path, TEXT, { mode: 0o644 });
  return { root: place.path, directory, path, [Symbol.dispose]: () => place[Symbol.dispose]() };
}
type TrustedPlace = ReturnType<typeof trustedPlace>;

const reasonOf = (path: string): string => {
  const found = readTrustedEnvFile(path, undefined);
  return found !== undefined && "remark" in found ? found.remark.message : "it was read";
};

Deno.test("readTrustedEnvFile() reads a file that only the user can have written", () => {
  using place = trustedPlace();
  assert.deepEqual(readTrustedEnvFile(place.path, undefined), { text: TEXT });
});

Deno.test("readTrustedEnvFile() reads nothing where there is no file, or a directory of the name", () => {
  using place = trustedPlace();
  Deno.removeSync(place.path);
  assert.equal(readTrustedEnvFile(place.path, undefined), undefined);
  Deno.mkdirSync(place.path);
  assert.equal(readTrustedEnvFile(place.path, undefined), undefined);
});

const WRITABLE: readonly (readonly [string, (place: TrustedPlace) => void, RegExp])[] = [
  ["a file writable by its group", ({ path }) => Deno.chmodSync(path, 0o664), /it is writable by/],
  [
    "a file writable by all",
    ({ path }) => Deno.chmodSync(path, 0o646),
    /it is writable by others$/,
  ],
  [
    "a directory writable by its group",
    ({ directory }) => Deno.chmodSync(directory, 0o775),
    /its directory \S+\/sub is writable by others$/,
  ],
  [
    "a directory writable by all, also with the sticky bit",
    ({ directory }) => Deno.chmodSync(directory, 0o1777),
    /its directory \S+\/sub is writable by others$/,
  ],
  [
    "a parent directory writable by all",
    ({ root }) => Deno.chmodSync(root, 0o777),
    /its parent directory \S+ is writable by others$/,
  ],
  [
    "a link to a file writable by all",
    ({ directory, path }) => {
      Deno.renameSync(path, `${directory}/real`);
      Deno.chmodSync(`${directory}/real`, 0o666);
      Deno.symlinkSync("real", path);
    },
    /sub\/real is writable by others$/,
  ],
  [
    "a link into a directory writable by all",
    ({ root, path }) => {
      Deno.mkdirSync(`${root}/open`);
      Deno.chmodSync(`${root}/open`, 0o777);
      Deno.renameSync(path, `${root}/open/.env`);
      Deno.symlinkSync(`${root}/open/.env`, path);
    },
    /its directory \S+\/open is writable by others$/,
  ],
];

for (const [name, arrange, reason] of WRITABLE) {
  Deno.test(`readTrustedEnvFile() leaves out ${name}, and says so`, () => {
    using place = trustedPlace();
    arrange(place);
    assert.match(reasonOf(place.path), reason);
    assert.ok(reasonOf(place.path).startsWith(`${place.path} was not read: `));
  });
}

const OWNERS: readonly (readonly [string, (place: TrustedPlace) => void, RegExp])[] = [
  ["a file", ({ path }) => Deno.chownSync(path, 65_534, null), /it belongs to another user$/],
  [
    "a directory",
    ({ directory }) => Deno.chownSync(directory, 65_534, null),
    /its directory \S+\/sub belongs to another user$/,
  ],
  [
    "a parent directory",
    ({ root }) => Deno.chownSync(root, 65_534, null),
    /its parent directory \S+ belongs to another user$/,
  ],
];

for (const [name, arrange, reason] of OWNERS) {
  peerTest({
    peer: ROOT,
    name: `readTrustedEnvFile() leaves out ${name} of another user`,
    fn() {
      using place = trustedPlace();
      arrange(place);
      assert.match(reasonOf(place.path), reason);
    },
  });
}
