import { run } from "./rootfs.ts";

/** Whole statements of one module. Names may stand on several lines. */
const FROM = /^(import|export) (?:(\w+)|\{([^}]*)\}) from "([^"]+)";$/gm;
const EXPORTED = /^export ((?:async )?(?:function\*?|const|let|class) (\w+))/gm;
/** Loading them takes a tenth of a call, and few calls need one. Only functions are imported from them. */
const LOADED_AT_USE = ["node:child_process", "node:crypto"];
/** Without new hash seeds in V8's snapshot Node starts in a tenth less time. A code cache only fits the same options. */
export const NODE_OPTIONS = ["--no-rehash-snapshot"];

/**
 * Runs the bundle in `directory`. The first call stores what V8 has compiled; later calls of the same Node load that.
 * V8 ignores a cache that does not fit.
 */
const starter = (directory: string) =>
  `"use strict";
const { existsSync, readFileSync, writeFileSync } = require("node:fs");
const { Script } = require("node:vm");
const [filename, cache] = ["${directory}/bundle.js", "${directory}/bundle.cache"];
const cachedData = existsSync(cache) ? readFileSync(cache) : undefined;
const script = new Script(readFileSync(filename, "utf8"), { filename, cachedData });
if (!cachedData) process.on("exit", () => writeFileSync(cache, script.createCachedData()));
script.runInThisContext()(require);
`;

let made: Promise<string> | undefined;

/**
 * Returns a script that runs the stand-in's programs. Its modules are in one file with a code cache, both removed when
 * the tests end: a call takes 30 ms of processor time instead of 70, and tests make thousands.
 *
 * @throws Error if two modules import each other
 */
export const bundle = (interpreter: string): Promise<string> => made ??= makeBundle(interpreter);

async function makeBundle(interpreter: string): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "fake-pve-" });
  addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  // Hosts log in as other users, too.
  await Deno.chmod(directory, 0o755);
  const parts: string[] = [];
  await add("pve.mjs", [], parts, new Set());
  const text = `"use strict";\n((require) => {\nconst modules = {};\n${parts.join("")}});\n`;
  await Deno.writeTextFile(`${directory}/bundle.js`, text);
  await Deno.writeTextFile(`${directory}/pve.cjs`, starter(directory));
  await makeCache(interpreter, directory);
  return starter(directory);
}

/** Makes a typical call, on a node without guests. */
async function makeCache(interpreter: string, directory: string): Promise<void> {
  await Deno.mkdir(`${directory}/guests`);
  await Deno.writeTextFile(
    `${directory}/settings.json`,
    JSON.stringify({ node: "pve", version: 9 }),
  );
  const call = ["pvesh", "get", "/cluster/resources", "--output-format", "json"];
  await run(interpreter, [...NODE_OPTIONS, `${directory}/pve.cjs`, ...call], {
    PVE_FAKE_ROOT: directory,
  });
}

/** Adds a module after those that it imports. */
async function add(
  name: string,
  importers: readonly string[],
  parts: string[],
  added: Set<string>,
): Promise<void> {
  if (added.has(name)) return;
  if (importers.includes(name)) throw new Error(`import circle: ${importers.join(", ")}`);
  const text = await Deno.readTextFile(new URL(name, import.meta.url));
  for (const [, , , , source = ""] of text.matchAll(FROM)) {
    if (isOwn(source)) await add(source.slice(2), [...importers, name], parts, added);
  }
  added.add(name);
  parts.push(asFunction(name, text));
}

const isOwn = (source: string): boolean => source.startsWith("./");

function asFunction(name: string, text: string): string {
  const names: string[] = [];
  const body = text.replace(/^#!.*\n/, "").replace(FROM, (_, verb, whole, some, source) => {
    if (LOADED_AT_USE.includes(source)) {
      return some.match(/\w+/g).map(loadedAtUse(source)).join(" ");
    }
    const target = isOwn(source) ? `modules["${source.slice(2)}"]` : `require("${source}")`;
    if (verb === "export") {
      return `Object.assign(exported, (({${some}}) => ({${some}}))(${target}));`;
    }
    return `const ${whole ?? `{${some}}`} = ${target};`;
  }).replace(EXPORTED, (_, declaration: string, name: string) => {
    names.push(name);
    return declaration;
  });
  return `modules["${name}"] = ((exported) => {\n${body}\n` +
    `return Object.assign(exported, {${names.join(", ")}});\n})({});\n`;
}

const loadedAtUse = (source: string) => (name: string): string =>
  `const ${name} = (...words) => require("${source}").${name}(...words);`;
