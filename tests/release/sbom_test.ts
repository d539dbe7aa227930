import assert from "node:assert/strict";
import { licenseOf, type Package, packagesInBinary } from "../../release/packages.ts";
import { sbom } from "../../release/sbom.ts";
import { validateSbom, VALIDATOR } from "../judges/sbom.ts";
import { peerTest } from "../peers/require.ts";

const ZOD: Package = {
  name: "zod",
  version: "4.0.0",
  license: "MIT",
  integrity: `sha512-${"A".repeat(86)}==`,
  path: "/nowhere",
  isDirect: true,
  dependencies: [],
};
const MATERIALS = { packages: [ZOD], runtime: { version: "2.9.4" }, time: 1_700_000_000 };

Deno.test("licenseOf() reads both forms of a package.json", () => {
  assert.equal(licenseOf({ license: "MIT" }), "MIT");
  assert.equal(licenseOf({ license: { type: "ISC" } }), "ISC");
  assert.equal(licenseOf({ licenses: [{ type: "MIT" }] }), "MIT");
  assert.equal(licenseOf({ licenses: [{ type: "MIT" }, { type: "ISC" }] }), "(MIT OR ISC)");
  assert.equal(licenseOf({}), undefined);
});

Deno.test("the executable's packages are those of deno.lock, each with a license, none of the tests", async () => {
  const packages = await packagesInBinary();
  const names = packages.map(({ name }) => name);
  for (const name of ["@modelcontextprotocol/server", "zod", "ssh2", "asn1", "hono", "aws4fetch"]) {
    assert.ok(names.includes(name), name);
  }
  for (const name of ["fast-check", "playwright-core", "@types/ssh2"]) {
    assert.ok(!names.includes(name), name);
  }
  for (const { name, license, integrity } of packages) {
    assert.match(license ?? "", /^[\w.+-]+$/, name);
    assert.match(integrity, /^sha512-[\w+/]{86}==$/, name);
  }
  assert.equal(packages.find(({ name }) => name === "asn1")?.isDirect, false);
});

Deno.test("sbom() is the same for the same content, and another for another", () => {
  const text = JSON.stringify(sbom(MATERIALS));
  assert.equal(text, JSON.stringify(sbom(MATERIALS)));
  const other = JSON.stringify(sbom({ ...MATERIALS, time: 1_700_000_001 }));
  const serial = /"urn:uuid:[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}"/;
  assert.notEqual(serial.exec(text)?.[0], serial.exec(other)?.[0]);
  assert.ok(serial.test(text) && serial.test(other));
});

peerTest({
  peer: VALIDATOR,
  name: "CycloneDX's own validator accepts the bill of materials, and refuses an unknown license",
  async fn() {
    const packages = await packagesInBinary();
    const complete = { ...MATERIALS, packages, repository: "https://git.example/me/project" };
    assert.equal(await validateSbom(sbom(complete)), "");
    const wrong = sbom({ ...MATERIALS, packages: [{ ...ZOD, license: "MTI" }] });
    assert.match(await validateSbom(wrong), /licenses/);
  },
});
