import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { PACKAGE, REPOSITORY, VERSION } from "./names.ts";
import type { Package } from "./packages.ts";
import { VENDORED } from "./vendored.ts";

/** The runtime that `deno compile` puts into the executable. */
export interface Runtime {
  readonly version: string;
}

/** What a bill of materials depends on. */
export interface Materials {
  readonly packages: readonly Package[];
  readonly runtime: Runtime;
  readonly repository?: string | undefined;
  /** Time of the release in seconds since 1970; the same sources must yield the same file. */
  readonly time: number;
}

const PROGRAM = `pkg:npm/${PACKAGE}@${VERSION}`;

/**
 * Returns the bill of materials as CycloneDX 1.6. The libraries inside Deno's runtime are not listed, and the document
 * says so. Source: CycloneDX 1.6 JSON reference, ECMA-424.
 */
export function sbom({ packages, runtime, repository = REPOSITORY, time }: Materials): unknown {
  const deno = denoComponent(runtime);
  const document = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: new Date(time * 1000).toISOString(),
      component: {
        type: "application",
        "bom-ref": PROGRAM,
        name: PACKAGE,
        version: VERSION,
        purl: PROGRAM,
        ...licenses("MIT"),
        ...(repository === undefined
          ? {}
          : { externalReferences: [{ type: "vcs", url: repository }] }),
      },
    },
    components: [deno, ...packages.map(component)],
    dependencies: [
      {
        ref: PROGRAM,
        dependsOn: [deno["bom-ref"], ...packages.filter(({ isDirect }) => isDirect).map(purl)],
      },
      { ref: deno["bom-ref"], dependsOn: [] },
      ...packages.map((one) => ({
        ref: purl(one),
        dependsOn: packages.filter((other) => isNeeded(other, one)).map(purl),
      })),
    ],
    compositions: [
      { aggregate: "complete", assemblies: [PROGRAM] },
      { aggregate: "unknown", assemblies: [deno["bom-ref"]] },
    ],
  };
  return { serialNumber: serialNumber(JSON.stringify(document)), ...document };
}

/** A name with its version; peers behind it, as in `name@1.0.0_peer@2.0.0`, say how it was resolved. */
const isNeeded = ({ name, version }: Package, by: Package): boolean =>
  by.dependencies.some((id) => id === `${name}@${version}` || id.startsWith(`${name}@${version}_`));

/** Source: the package-url specification, type `npm`; `@` of a scope is written `%40`. */
const purl = ({ name, version }: Pick<Package, "name" | "version">): string =>
  `pkg:npm/${name.replace("@", "%40")}@${version}`;

function component(one: Package) {
  const [scope, name] = one.name.startsWith("@") ? one.name.split("/") : [undefined, one.name];
  const file = `${name}-${one.version}.tgz`;
  return {
    type: "library",
    "bom-ref": purl(one),
    ...(scope === undefined ? {} : { group: scope }),
    name,
    version: one.version,
    purl: purl(one),
    hashes: [{ alg: "SHA-512", content: hexOf(one.integrity) }],
    ...licenses(one.license),
    externalReferences: [
      { type: "distribution", url: `https://registry.npmjs.org/${one.name}/-/${file}` },
    ],
    ...vendoredBy(one),
  };
}

/** Vendored libraries are components of their carrier. */
function vendoredBy({ name: carrier }: Package) {
  const carried = VENDORED.filter((one) => one.carrier === carrier);
  return carried.length === 0 ? {} : {
    components: carried.map((one) => ({
      ...{ type: "library", name: one.name, version: one.version, purl: purl(one) },
      ...licenses("MIT"),
    })),
  };
}

const denoComponent = ({ version }: Runtime) => ({
  type: "platform",
  "bom-ref": `pkg:github/denoland/deno@v${version}`,
  name: "deno",
  version,
  purl: `pkg:github/denoland/deno@v${version}`,
  description: "Runtime base (denort) of the executable. Its own libraries are not listed here.",
  ...licenses("MIT"),
});

function licenses(license: string | undefined) {
  if (license === undefined) return {};
  return /^[\w.+-]+$/.test(license)
    ? { licenses: [{ license: { id: license } }] }
    : { licenses: [{ expression: license }] };
}

/** Source: the W3C's Subresource Integrity, whose form npm uses. */
function hexOf(integrity: string): string {
  const [algorithm, content = ""] = integrity.split(/-(.*)/s);
  if (algorithm !== "sha512") throw new Error(`deno.lock has no sha512 but "${integrity}"`);
  return Buffer.from(content, "base64").toString("hex");
}

/** Derived from the content, because a random one would differ in each build. Source: RFC 9562, version 8. */
function serialNumber(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
  ];
  return `urn:uuid:${[...parts, hex.slice(20, 32)].join("-")}`;
}
