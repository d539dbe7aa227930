import assert from "node:assert/strict";
import { bundleTests } from "./bundle.ts";
import { firstAnswerTests } from "./first_answer.ts";
import { imageTests } from "./image.ts";
import { npmPackageTests } from "./npm_package.ts";
import { BINARY, packed } from "./packed.ts";

if (BINARY !== undefined) {
  npmPackageTests();
  bundleTests();
  imageTests();
  firstAnswerTests();

  Deno.test("sha256sum accepts SHA256SUMS, which has every file of a release", async () => {
    const directory = await packed();
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
    const directory = await packed();
    const sums = Deno.readTextFileSync(`${directory}/SHA256SUMS`);
    const [, sum] = /^([\da-f]{64}) {2}mcp-remote-exec-linux-x64\.mcpb$/m.exec(sums) ?? [];
    const text = Deno.readTextFileSync(`${directory}/server.json`);
    assert.ok(sum !== undefined && text.includes(`"fileSha256": "${sum}"`));
  });
}
