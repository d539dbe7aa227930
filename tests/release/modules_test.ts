import assert from "node:assert/strict";
import { portableMap, withBundledWorkers } from "../../release/modules.ts";

for (
  const [text, expected] of [
    [
      `new Worker(new URL("../ssh/worker/main.ts",import.meta.url),x)`,
      `new Worker(new URL("../ssh/main.js"       ,import.meta.url),x)`,
    ],
    [
      `a=new URL("../sandbox/launcher.ts", import.meta.url),b=new URL("../downloads/worker/main.ts", import.meta.url)`,
      `a=new URL("../sandbox/launcher.js", import.meta.url),b=new URL("../downloads/main.js"       , import.meta.url)`,
    ],
    [`new URL("..",import.meta.url)`, `new URL("..",import.meta.url)`],
    [`import("../ssh/worker/main.ts")`, `import("../ssh/worker/main.ts")`],
  ] as const
) {
  Deno.test(`withBundledWorkers() makes ${expected} of ${text}`, () => {
    assert.equal(withBundledWorkers(text), expected);
    assert.equal(expected.length, text.length);
  });
}

for (
  const url of ["../new/worker/main.ts", "./fifth.ts", "../../x.ts", "../a-b/c.ts", "../x/y.tsx"]
) {
  Deno.test(`withBundledWorkers() refuses ${url}, which has no bundle`, () => {
    assert.throws(
      () => withBundledWorkers(`new URL("${url}",import.meta.url)`),
      { message: `"${url}" is not in ENTRIES: add the worker to release/modules.ts` },
    );
  });
}

Deno.test("withBundledWorkers() refuses a URL of a source in another form", () => {
  for (const text of ["new URL('../ssh/worker/main.ts',u)", "new URL(`./a.ts`, import.meta.url)"]) {
    assert.throws(
      () => withBundledWorkers(text),
      /is no URL that release\/modules\.ts can replace/,
    );
  }
});

const PATH = "/home/me/tree/dist/modules/main/main.js.map";
const ORIGINS = { tree: "/home/me/tree", npmCaches: ["/link/npm", "/home/npm/.cache/deno/npm"] };
const mapOf = (...sources: readonly string[]) =>
  JSON.stringify({ version: 3, sources, sourcesContent: ["secret"], mappings: "AAAA", names: [] });

Deno.test("portableMap() removes local paths and source text", () => {
  const map = mapOf(
    "../../../src/log.ts",
    "../../../main.ts",
    "../../../../../npm/.cache/deno/npm/registry.example/@scope/name/1.0.0/dist/npm/index.mjs",
    "../../../../../../link/npm/localhost_4873/zod/4.6.7/index.js",
  );
  assert.deepEqual(JSON.parse(portableMap(map, PATH, ORIGINS)), {
    version: 3,
    sources: [
      "mcp-remote-exec:src/log.ts",
      "mcp-remote-exec:main.ts",
      "mcp-remote-exec:npm/@scope/name/1.0.0/dist/npm/index.mjs",
      "mcp-remote-exec:npm/zod/4.6.7/index.js",
    ],
    mappings: "AAAA",
    names: [],
  });
});

Deno.test("portableMap() refuses a source from elsewhere", () => {
  assert.throws(
    () => portableMap(mapOf("../../../../other/x.ts"), PATH, ORIGINS),
    /^Error: \/home\/me\/other\/x\.ts is in none of \/home\/me\/tree, /,
  );
});
