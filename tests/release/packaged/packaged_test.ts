import assert from "node:assert/strict";
import { onPath, peer, peerTest } from "../../peers/require.ts";
import { runCommand } from "../../support/command.ts";
import { projectFile } from "../../support/project.ts";
import { bundleTests } from "./bundle.ts";
import { firstAnswerTests } from "./first_answer.ts";
import { imageTests } from "./image.ts";
import { npmPackageTests } from "./npm_package.ts";
import { BINARY, packed } from "./packed.ts";

const NODE = peer("node", onPath("node"), "nodejs");

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

  peerTest({
    peer: NODE,
    name: "smoke.mjs, which tries each system's executable, accepts this one and no other program",
    async fn() {
      const smoke = (program: string) =>
        runCommand("node", [projectFile("release/smoke.mjs"), program]);
      const { code, stdout, stderr } = await smoke(BINARY ?? "");
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^ok: mcp-remote-exec version \d+\.\d+\.\d+, \d+ tools\n$/);
      const other = await smoke("echo");
      assert.equal(other.code, 1);
      assert.match(other.stderr, /^FAILED: echo : --version: /);
    },
  });
}
