import manifest from "../deno.json" with { type: "json" };

/** The program's version, from deno.json. */
export const VERSION: string = manifest.version;

/** Name of the program, of its executable and of its npm package, from deno.json. */
export const PACKAGE: string = manifest.name;
