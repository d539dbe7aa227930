import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { PROJECT, projectFile } from "./support/project.ts";

const SLICES = ["ssh", "proxmox", "transfers", "downloads"];
/** Files that other slices may import; the rest of a slice's folder is private. */
const PUBLIC = ["port.ts", "files_port.ts", "service.ts", "outcome.ts", "container_access.ts"]
  .concat("jobs/port.ts", "jobs/service.ts", "files_of_hosts.ts");
/** Everything else at the top of src is a folder. */
const LOOSE = ["src/errors.ts", "src/log.ts", "src/version.ts"];

/** The files of src, by their paths in the tree. */
function sources(directory = projectFile("src")): string[] {
  return [...Deno.readDirSync(directory)].flatMap((entry) => {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) return sources(path);
    return /\.tsx?$/.test(entry.name) ? [relative(PROJECT, path)] : [];
  });
}

interface Import {
  readonly from: string;
  /** A path in the tree, or the name of a package. */
  readonly to: string;
  readonly typesOnly: boolean;
}

const STATEMENT = /^(?:import|export)\s+(type\s+)?(?:[^;"'()=]*?\sfrom\s+)?"([^"]+)"/gm;
/** Loaded later; `typeof import(…)` is a type. */
const DYNAMIC = /(typeof\s+)?\bimport\("([^"]+)"\)/g;

function importsOf(path: string): Import[] {
  const text = Deno.readTextFileSync(projectFile(path));
  return [...text.matchAll(STATEMENT), ...text.matchAll(DYNAMIC)].map(([, type, target = ""]) => ({
    from: path,
    to: target.startsWith(".") ? join(dirname(path), target) : target,
    typesOnly: type !== undefined,
  }));
}

const files = sources();
const imports = files.flatMap(importsOf);
const folderOf = (path: string): string => path.split("/")[1] ?? "";
const show = ({ from, to }: Import) => `${from} imports ${to}`;

/** Returns every file that is loaded with a module, including itself. */
function loadedWith(entry: string): string[] {
  const found = [entry];
  for (const path of found) {
    for (const { to, typesOnly } of importsOf(path)) {
      if (!typesOnly && to.startsWith("src/") && !found.includes(to)) found.push(to);
    }
  }
  return found;
}

Deno.test("src is read by these tests", () => {
  assert.ok(files.length > 40 && imports.length > 200);
  assert.ok(
    loadedWith("src/ssh/worker/main.ts").includes("src/ssh/worker/connection/connection.ts"),
  );
});

Deno.test("a slice imports only the public files of another slice", () => {
  const broken = imports.filter(({ from, to }) =>
    SLICES.includes(folderOf(from)) && to.startsWith("src/") && SLICES.includes(folderOf(to)) &&
    folderOf(from) !== folderOf(to) && !PUBLIC.includes(to.split("/").slice(2).join("/"))
  );
  assert.deepEqual(broken.map(show), []);
});

Deno.test("ssh imports no other slice, and no two slices import each other", () => {
  const needs = (slice: string): string[] => [
    ...new Set(
      imports.filter(({ from, to }) => folderOf(from) === slice && to.startsWith("src/"))
        .map(({ to }) => folderOf(to)).filter((to) => SLICES.includes(to) && to !== slice),
    ),
  ];
  assert.deepEqual(needs("ssh"), []);
  for (const slice of SLICES) {
    for (const other of needs(slice)) {
      assert.ok(!needs(other).includes(slice), `${slice} and ${other} need each other`);
    }
  }
});

Deno.test("the machine parts import no slice; configuration and errors import nothing else", () => {
  const broken = imports.filter(({ from, to }) =>
    ![...SLICES, "server", "cli"].includes(folderOf(from)) &&
    SLICES.includes(folderOf(to)) &&
    to.startsWith("src/")
  );
  assert.deepEqual(broken.map(show), []);
  const config = imports.filter(({ from, to }) =>
    folderOf(from) === "config" && to.startsWith("src/") && folderOf(to) !== "config"
  );
  assert.deepEqual([...new Set(config.map(({ to }) => to))].sort(), [
    "src/errors.ts",
    "src/log.ts",
  ]);
  assert.deepEqual(importsOf("src/errors.ts"), []);
});

Deno.test("no file outside a slice's worker folder imports from it", () => {
  const broken = imports.filter(({ from, to }) => {
    const [worker] = /^src\/\w+\/worker\//.exec(to) ?? [];
    return worker !== undefined && !from.startsWith(worker);
  });
  assert.deepEqual(broken.map(show), []);
});

/** The files of a circle of imports; the first one closes it. Types count: they tie files together as well. */
function importCircles(): string[][] {
  const state = new Map<string, "open" | "done">();
  const circles: string[][] = [];
  const visit = (path: string, way: readonly string[]) => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") {
      return void circles.push([...way.slice(way.indexOf(path)), path]);
    }
    state.set(path, "open");
    for (const { to } of importsOf(path)) if (files.includes(to)) visit(to, [...way, path]);
    state.set(path, "done");
  };
  for (const path of files) visit(path, []);
  return circles;
}

Deno.test("no file of src imports itself through others, not even for a type", () => {
  assert.deepEqual(importCircles().map((circle) => circle.join(" -> ")), []);
});

Deno.test("rpc imports nothing from mcp", () => {
  const broken = imports.filter(({ from, to }) =>
    folderOf(from) === "rpc" && folderOf(to) === "mcp"
  );
  assert.deepEqual(broken.map(show), []);
});

Deno.test("only errors, log and version are loose files of src", () => {
  assert.deepEqual(files.filter((path) => path.split("/").length === 2).sort(), LOOSE);
});

Deno.test("no worker loads the MCP side, the command line or the reader of the environment", () => {
  const workers = files.filter((path) => /^src\/\w+\/worker\/main\.ts$/.test(path));
  assert.ok(workers.length >= 1);
  for (const worker of workers) {
    const wrong = loadedWith(worker).filter((path) =>
      /^src\/(mcp|cli|server)\/|\/tools\.ts$/.test(path)
    );
    assert.deepEqual(wrong, [], worker);
  }
});

Deno.test("the main isolate does not load a worker's code", () => {
  const wrong = loadedWith("src/server/serve.ts").filter((path) => /\/worker\//.test(path));
  assert.deepEqual(wrong, []);
  const packages = loadedWith("src/server/serve.ts").flatMap(importsOf).filter((
    { to, typesOnly },
  ) => !typesOnly && ["ssh2", "aws4fetch", "@imagekit/nodejs"].includes(to));
  assert.deepEqual(packages.map(show), []);
});

Deno.test("what confines a worker is not loaded at its start", () => {
  // With everything that these files import statically.
  const atStart = (entry: string) => {
    const found = [entry];
    for (const path of found) {
      const text = Deno.readTextFileSync(projectFile(path));
      for (const [, types, target = ""] of text.matchAll(STATEMENT)) {
        const to = join(dirname(path), target);
        if (types === undefined && target.startsWith(".") && !found.includes(to)) found.push(to);
      }
    }
    return found;
  };
  for (const entry of ["src/ssh/worker/main.ts", "src/downloads/worker/main.ts"]) {
    const loaded = atStart(entry);
    assert.ok(loaded.includes("src/rpc/expose.ts"));
    const late = loaded.filter((path) =>
      /\/(confine|remote_host|link_hub|chacha20_patch)\.ts$/.test(path)
    );
    assert.deepEqual(late, [], entry);
  }
});

Deno.test("tools use no Deno API, no library but zod and no try", () => {
  for (
    const path of files.filter((path) => /^src\/(?!server\/)(\w+\/)+(\w+_)?tools\.ts$/.test(path))
  ) {
    const text = Deno.readTextFileSync(projectFile(path));
    assert.doesNotMatch(text, /\bDeno\.|\btry\s*\{|\bcatch\b/, path);
    const packages = importsOf(path).map(({ to }) => to).filter((to) => !to.startsWith("src/"));
    assert.deepEqual(packages.filter((name) => name !== "zod"), [], path);
  }
});

Deno.test("the environment is read in one file", () => {
  const readers = files.filter((path) =>
    /\bDeno\.env\b|\bprocess\.env\b/.test(Deno.readTextFileSync(projectFile(path)))
  );
  assert.deepEqual(readers, ["src/cli/environment.ts"]);
});

Deno.test("nothing in src writes to the console", () => {
  const writers = files.filter((path) =>
    /\bconsole\.\w+\(/.test(Deno.readTextFileSync(projectFile(path)))
  );
  assert.deepEqual(writers, []);
});

Deno.test("no file of src has more than 300 lines", () => {
  const long = files.map((path) =>
    [path, Deno.readTextFileSync(projectFile(path)).trimEnd().split("\n").length] as const
  ).filter(([, lines]) => lines > 300);
  assert.deepEqual(long, []);
});

Deno.test("no file of src uses any or a non-null assertion", () => {
  const broken = files.filter((path) => {
    const code = Deno.readTextFileSync(projectFile(path)).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    return /:\s*any\b|\bas any\b|<any>|[\w\])]!(?=[.;,)\[])/.test(
      code.replace(/(["'`])(?:\\.|(?!\1)[^\\])*\1/g, '""'),
    );
  });
  assert.deepEqual(broken, []);
});

Deno.test("files and folders of src are named in snake_case and by their subject", () => {
  for (const path of files) {
    assert.match(path, /^src(\/[a-z0-9_]+)*\/[a-z0-9_]+\.tsx?$/);
    assert.doesNotMatch(path, /\/(utils?|common|helpers?|types|misc)(\.|\/)/);
  }
});

Deno.test("the map, CONTRIBUTING.md and SECURITY.md name only files and folders that exist", () => {
  for (const page of ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"]) {
    const text = Deno.readTextFileSync(projectFile(page));
    assert.ok(text.split("\n").length <= 151, `${page} has more than 150 lines`);
    const paths = text.match(/\b(?:src|tests|docs|bench|release)\/[\w./]*\w\/?|\bmain\.ts\b/g) ??
      [];
    assert.ok(paths.length > 5);
    for (const path of paths) assert.ok(existsSync(projectFile(path)), `${page} names ${path}`);
  }
});

Deno.test("ARCHITECTURE.md has a line for every folder at the top of src", () => {
  const text = Deno.readTextFileSync(projectFile("ARCHITECTURE.md"));
  const rooms = files.filter((path) => path.split("/").length > 2).map(folderOf);
  for (const room of new Set(rooms)) {
    assert.match(text, new RegExp(`^\\| \`src/${room}/`, "m"), room);
  }
});

/** Rooms of src whose tests are in a folder of the same name. */
const MIRRORED = [...Deno.readDirSync(projectFile("src"))].filter(({ isDirectory }) => isDirectory)
  .map(({ name }) => name);
/** Tests of a whole folder of src: a hostile user or isolate, the slice as a client sees it, a contract. */
const OF_A_FOLDER = /^(attack|attack_\w+|whole|contract)$/;

function testFiles(directory: string): string[] {
  return [...Deno.readDirSync(projectFile(directory))].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return testFiles(`${directory}/${name}`);
    return name.endsWith("_test.ts") ? [`${directory}/${name}`] : [];
  });
}

Deno.test("tests mirror src: a test is named after a file or folder of src, or after one and an aspect", () => {
  const wrong = MIRRORED.filter((room) => existsSync(projectFile(`tests/${room}`)))
    .flatMap((room) => testFiles(`tests/${room}`))
    .filter((path) => {
      const folder = projectFile(dirname(path).replace(/^tests/, "src"));
      if (!existsSync(folder)) return true;
      const subject = basename(path, "_test.ts");
      if (OF_A_FOLDER.test(subject)) return false;
      const names = [...Deno.readDirSync(folder)].map(({ name }) => name.replace(/\.tsx?$/, ""));
      return !names.some((name) => subject === name || subject.startsWith(`${name}_`));
    });
  assert.deepEqual(wrong, []);
});
