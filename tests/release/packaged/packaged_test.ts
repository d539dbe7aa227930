import assert from "node:assert/strict";
import { bundleTests } from "./bundle.ts";
import { installedTests } from "./installed.ts";
import { npmPackageTests } from "./npm_package.ts";
import { BINARY, packed } from "./packed.ts";

// What is packed is the executable that MRE_BINARY names; one of Linux, so the other system must be reported.
if (BINARY !== undefined) {
  npmPackageTests();
  bundleTests();
  installedTests();

  Deno.test("a release reports each system without a binary, and why, with exit code 3", async () => {
    const { code, output, directory } = await packed();
    assert.equal(code, 3, output);
    assert.match(output, /^MISSING macos-arm64: the file is an executable for linux x64$/m);
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
    assert.deepEqual(names.filter((name) => name.includes("macos")), []);
    assert.doesNotMatch(output, /not decided/);
  });

  Deno.test("sha256sum accepts SHA256SUMS, which has every file of a release", async () => {
    const { directory } = await packed();
    const { success, stdout, stderr } = await new Deno.Command("sha256sum", {
      args: ["--check", "--strict", "SHA256SUMS"],
      cwd: directory,
      stdin: "null",
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name)
      .filter((name) => name !== "SHA256SUMS");
    const checked = new TextDecoder().decode(stdout).trimEnd().split("\n");
    assert.deepEqual(checked.sort(), names.map((name) => `${name}: OK`).sort());
    assert.ok(names.includes("mcp-remote-exec-linux-x64"));
  });

  Deno.test("server.json names the checksum of each bundle", async () => {
    const { directory } = await packed();
    const sums = Deno.readTextFileSync(`${directory}/SHA256SUMS`);
    const [, sum] = /^([\da-f]{64}) {2}mcp-remote-exec-linux-x64\.mcpb$/m.exec(sums) ?? [];
    const text = Deno.readTextFileSync(`${directory}/server.json`);
    assert.ok(sum !== undefined && text.includes(`"fileSha256": "${sum}"`));
  });
}
