/** Whole statements of one module. Names may stand on several lines. */
const FROM = /^(import|export) (?:(\w+)|\{([^}]*)\}) from "([^"]+)";$/gm;
const EXPORTED = /^export ((?:async )?(?:function\*?|const|let|class) (\w+))/gm;
/** Loading them takes a tenth of a call, and few calls need one. Only functions are imported from them. */
const LOADED_AT_USE = ["node:child_process", "node:crypto"];

let made: Promise<string> | undefined;

/**
 * Returns the stand-in's modules as one CommonJS script: it starts in three quarters of the processor time,
 * and tests start it many hundreds of times.
 *
 * @throws Error if two modules import each other
 */
export const bundle = (): Promise<string> => made ??= makeBundle();

async function makeBundle(): Promise<string> {
  const parts: string[] = [];
  await add("pve.mjs", [], parts, new Set());
  return `"use strict";\nconst modules = {};\n${parts.join("")}`;
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
