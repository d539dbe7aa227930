import assert from "node:assert/strict";
import { SourceMap } from "node:module";
import { projectFile } from "../support/project.ts";
import { notices } from "../../release/notices.ts";
import { type Package, packagesInBinary } from "../../release/packages.ts";
import { bundleOf, ENTRIES, MODULES } from "../../release/modules.ts";
import { VENDORED } from "../../release/vendored.ts";
import { stage, type Staging } from "../../release/staging.ts";

// Deno.Command: packagesInBinary() asks `deno info`.
const TIME = 1_700_000_000;

/** The files below a directory, without following links. */
function filesBelow(directory: string, path = ""): string[] {
  return [...Deno.readDirSync(`${directory}/${path}`)].flatMap((entry) => {
    const below = path === "" ? entry.name : `${path}/${entry.name}`;
    if (entry.isDirectory) return filesBelow(directory, below);
    return entry.isSymlink ? [] : [below];
  }).sort();
}

Deno.test("stage() copies what the executable loads, all with one time", async () => {
  const packages = await packagesInBinary();
  using staging = await stage(packages, TIME);
  const { tree, cache } = staging;
  const program = filesBelow(tree);
  const bundles = [...ENTRIES.keys()].map((name) => `${MODULES}/${bundleOf(name)}`);
  for (
    const path of [
      "main.ts",
      "deno.json",
      ...bundles,
      ...bundles.map((path) => `${path}.map`),
    ]
  ) {
    assert.ok(program.includes(path), path);
    assert.equal(Deno.statSync(`${tree}/${path}`).mtime?.getTime(), TIME * 1000);
  }
  const files = filesBelow(`${cache}/npm`);
  assert.ok(files.length > 500);
  for (const path of files) {
    assert.match(path, /\.(js|cjs|mjs|json)$/);
    assert.equal(Deno.statSync(`${cache}/npm/${path}`).mtime?.getTime(), TIME * 1000, path);
  }
  assert.doesNotMatch(Deno.readTextFileSync(`${tree}/deno.lock`), /"scripts"/);
  for (const path of bundles) {
    const expected = path.includes("/ssh/") ? ["ssh2"] : [];
    assert.deepEqual(await packagesOf(path, staging), expected, path);
  }
  const [registry] = [...Deno.readDirSync(`${cache}/npm`)];
  assertMaps(`${tree}/${MODULES}`, `${cache}/npm/${registry?.name}`);
  await assertPatched(staging);
});

/** The packages that a module loads itself, without their versions. */
async function packagesOf(path: string, { tree, cache }: Staging): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    ...{ args: ["info", "--json", path], cwd: tree, env: { DENO_DIR: cache }, stderr: "null" },
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: { npmPackage?: string }[];
  };
  const names = modules.flatMap(({ npmPackage }) => npmPackage?.replace(/@[^@]*$/, "") ?? []);
  return [...new Set(names)];
}

/** Prints how many native ciphers ssh2 makes for a packet, after the imports of the arguments. */
const COUNT_CIPHERS = `
  import crypto from "node:crypto";
  let count = 0;
  const { createCipheriv } = crypto;
  const counted = (...args) => { count++; return createCipheriv(...args); };
  Object.defineProperty(crypto, "createCipheriv", { value: counted, configurable: true, writable: true });
  for (const path of Deno.args) await import(path);
  const { default: { init, createCipher, CIPHER_INFO } } = await import("ssh2/lib/protocol/crypto.js");
  await init;
  const cipherInfo = CIPHER_INFO["chacha20-poly1305@openssh.com"];
  const outbound = { seqno: 0, cipherInfo, cipherKey: crypto.randomBytes(64), cipherIV: new Uint8Array(), onWrite() {} };
  const cipher = createCipher({ outbound, inbound: {} });
  count = 0;
  cipher.encrypt(cipher.allocPacket(200));
  console.log(count);
`;

/** Checks that the functions of node:crypto are patched before ssh2 copies them. */
async function assertPatched({ tree, cache }: Staging): Promise<void> {
  const directory = `${tree}/${MODULES}/ssh`;
  const loaded = [
    ...Deno.readTextFileSync(`${directory}/main.js`).matchAll(/import\("\.\/([^"]+)"\)/g),
  ]
    .map(([, name = ""]) => name);
  const patch = loaded.findIndex((name) => name.startsWith("chacha20_patch-"));
  const library = loaded.findIndex((name) => name.startsWith("remote_host-"));
  assert.ok(patch >= 0 && library >= 0, loaded.join());
  Deno.writeTextFileSync(`${tree}/count.js`, COUNT_CIPHERS);
  const paths = [patch, library].map((index) => `./${MODULES}/ssh/${loaded[index]}`);
  const run = async (given: readonly string[]) => {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      ...{ args: ["run", "-A", "--no-check", "count.js", ...given], cwd: tree },
      env: { DENO_DIR: cache },
    }).output();
    return new TextDecoder().decode(stdout).trim() || new TextDecoder().decode(stderr);
  };
  assert.equal(await run(paths), "1");
  assert.equal(await run([]), "3");
}

/** Checks that the source maps point to the right lines, and that all vendored libraries are known. */
function assertMaps(directory: string, packages: string): void {
  const sources = filesBelow(directory).filter((path) => path.endsWith(".map")).flatMap((path) => {
    const map = JSON.parse(Deno.readTextFileSync(`${directory}/${path}`)) as { sources: string[] };
    return map.sources.flatMap((source) => /^mcp-remote-exec:npm\/(.*)$/.exec(source)?.[1] ?? []);
  });
  const vendored = [...new Set(sources)].flatMap((path) => {
    const text = Deno.readTextFileSync(`${packages}/${path}`);
    return [...text.matchAll(/\/node_modules\/\.pnpm\/([^/]+)\//g)].map(([, name = ""]) => name);
  });
  const known = VENDORED.map(({ name, version }) => `${name.replace("/", "+")}@${version}`);
  assert.deepEqual([...new Set(vendored)].sort(), known.sort());
  for (
    const [words, source] of [
      ["the server cannot start", "main.ts"],
      // After the URLs of the workers.
      ["server ended unexpectedly", "src/sandbox/spawn.ts"],
    ] as const
  ) {
    const found = filesBelow(directory).map((path) => `${directory}/${path}`)
      .filter((path) => path.endsWith(".js") && Deno.readTextFileSync(path).includes(words));
    assert.equal(found.length, 1, words);
    const lines = Deno.readTextFileSync(found[0] ?? "").split("\n");
    const line = lines.findIndex((each) => each.includes(words));
    const map = new SourceMap(JSON.parse(Deno.readTextFileSync(`${found[0]}.map`)));
    const entry = map.findEntry(line, lines[line]?.indexOf(words) ?? 0);
    assert.ok("originalSource" in entry, words);
    assert.equal(entry.originalSource, `mcp-remote-exec:${source}`);
    const original = Deno.readTextFileSync(projectFile(source)).split("\n");
    assert.ok(original[entry.originalLine]?.includes(words), words);
  }
}

Deno.test("notices() has the text of each package's license", async () => {
  const packages = await packagesInBinary();
  const text = notices(packages, "2.9.4");
  for (const { name, version, license } of packages) {
    assert.ok(text.includes(`\n${name} ${version} (${license})\n`), name);
  }
  for (const words of ["Copyright Brian White", "Apache License", "Colin McDonnell"]) {
    assert.ok(text.includes(words), words);
  }
  const without = packages.filter((one: Package) =>
    notices([one], "2.9.4").includes("The package has no text")
  );
  assert.deepEqual(without.map(({ name }) => name), ["standardwebhooks"]);
});
