import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { projectFile } from "./project.ts";

/** Test files by the way they are run. Paths are relative to the project. */
export interface TestFiles {
  /** Files that start no other program: pure and slice tests. */
  readonly fast: readonly string[];
  /** Files that may run at the same time as others. */
  readonly parallel: readonly string[];
  /** Files with a line `// @process: reason`. They need a process that runs one file at a time. */
  readonly process: readonly string[];
  /** Files with a line `// @timed: reason`. Only others of these run at the same time: they mostly wait. */
  readonly timed: readonly string[];
}

export interface TestFileOptions {
  /** Leaves out the files that never load `peers/require.ts`, where tests name the programs that they need. */
  readonly needsPrograms?: boolean;
  /** Files and folders to leave out. */
  readonly without?: readonly string[];
}

/** Sorts the test files below these files and folders. */
export function findTestFiles(
  paths: readonly string[],
  { needsPrograms = false, without = [] }: TestFileOptions = {},
): TestFiles {
  const excluded = new Set(without.flatMap(testFilesBelow));
  const files = [...new Set(paths.flatMap(testFilesBelow))].sort()
    .filter((path) => !excluded.has(path))
    .filter((path) => !needsPrograms || loads(PEERS, path));
  const marked = (mark: string) => files.filter((path) => hasMark(mark, path));
  const [process, timed] = [marked("process"), marked("timed")];
  const special = new Set([process, timed].flat());
  const others = files.filter((path) => !special.has(path));
  const fast = others.filter((path) => !loads(STARTS_PROGRAMS, path));
  const parallel = others.filter((path) => !fast.includes(path));
  return { fast: needsPrograms ? [] : fast, parallel, process, timed };
}

const hasMark = (mark: string, path: string): boolean =>
  new RegExp(`^// @${mark}: \\S`, "m").test(textOf(path));

function testFilesBelow(path: string): string[] {
  if (!Deno.statSync(projectFile(path)).isDirectory) return [path];
  return [...Deno.readDirSync(projectFile(path))].flatMap((entry) => {
    const below = join(path, entry.name);
    if (entry.isDirectory) return entry.name === "node_modules" ? [] : testFilesBelow(below);
    return entry.name.endsWith("_test.ts") ? [below] : [];
  });
}

/**
 * Writes a module for each folder of `tests/`, which imports all of its files, and returns the modules to
 * run: an isolate for every file takes twice the CPU. Files with a line `// @isolate: reason` have their own,
 * and come first, because they take longest.
 *
 * @param directory where the modules are written
 */
export function joinTestFiles(files: readonly string[], directory: string): string[] {
  const alone = files.filter((path) => hasMark("isolate", path));
  const folders = Map.groupBy(files.filter((path) => !alone.includes(path)), folderOf);
  const joined = [...folders].map(([folder, paths]) =>
    joinInto(join(directory, `${folder}_test.ts`), paths)
  );
  return [...alone, ...joined];
}

/**
 * Writes modules that import `count` files each, in their order, and returns them.
 *
 * @param directory where the modules are written
 */
export function joinByCount(files: readonly string[], count: number, directory: string): string[] {
  const starts = Array.from({ length: Math.ceil(files.length / count) }, (_, at) => at * count);
  return starts.map((start) =>
    joinInto(join(directory, `from_${start}_test.ts`), files.slice(start, start + count))
  );
}

function joinInto(module: string, paths: readonly string[]): string {
  const imports = paths.map((path) => `import "${toFileUrl(path)}";\n`);
  Deno.writeTextFileSync(module, imports.join(""));
  return module;
}

/** Returns the folder of `tests/` that a file is below, or "tests". */
const folderOf = (path: string): string => path.split("/").slice(0, -1)[1] ?? "tests";
const toFileUrl = (path: string): string => pathToFileURL(projectFile(path)).href;

/** How a file of the tests starts another program. */
const STARTS_PROGRAMS = /\bDeno\.Command\b|"node:child_process"|"playwright-core"/;
/** The file in which tests name the programs that they need. */
const PEERS = /^export function peerTest\(/m;
const IMPORT = /^(?:import|export)\s+(?!type\b)(?:[^;"'()=]*?\sfrom\s+)?"(\.[^"]+)"/gm;

/** Reports whether a file, or a file outside src that it imports, has this in its text. */
function loads(wanted: RegExp, path: string): boolean {
  const loaded = [path];
  for (const file of loaded) {
    const text = textOf(file);
    if (wanted.test(text)) return true;
    for (const [, target = ""] of text.matchAll(IMPORT)) {
      const next = join(dirname(file), target);
      // Nothing in src starts a program.
      if (!next.startsWith("src/") && !loaded.includes(next)) loaded.push(next);
    }
  }
  return false;
}

const textOf = (path: string): string => Deno.readTextFileSync(projectFile(path));
