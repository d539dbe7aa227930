import assert from "node:assert/strict";
import { tarballName } from "../../release/targets.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { release } from "./packaged/packed.ts";

/** The head of an executable for Linux on x64. */
const ELF = Uint8Array.fromHex(`7f454c46020101${"00".repeat(11)}3e00${"00".repeat(200)}`);

Deno.test("a release reports each system without an executable, and why, with exit code 3", async () => {
  using place = temporaryDirectory();
  const [file, directory] = [`${place.path}/elf`, `${place.path}/release`];
  Deno.writeFileSync(file, ELF);
  const binaries = [`--binary=linux-x64=${file}`, `--binary=macos-arm64=${file}`];
  const only = "--only=linux-x64,macos-arm64";
  const { code, output } = await release(only, ...binaries, `--output=${directory}`);
  assert.equal(code, 3, output);
  assert.match(output, /^MISSING macos-arm64: the file is an executable for linux x64$/m);
  assert.match(output, /^note: the repository's address is not decided: /m);
  assert.match(output, /^note: no server\.json, which needs one on GitHub$/m);
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
  assert.deepEqual(names, [
    "SHA256SUMS",
    "THIRD_PARTY_LICENSES.txt",
    "install.ps1",
    "install.sh",
    tarballName("mcp-remote-exec"),
    "mcp-remote-exec-linux-x64",
    tarballName("mcp-remote-exec-linux-x64"),
    "mcp-remote-exec-linux-x64.mcpb",
    "mcp-remote-exec.cdx.json",
  ]);
  const sums = Deno.readTextFileSync(`${directory}/SHA256SUMS`);
  const again = await release("--only=linux-x64", ...binaries, `--output=${directory}`);
  assert.equal(again.code, 0, again.output);
  assert.equal(Deno.readTextFileSync(`${directory}/SHA256SUMS`), sums);
});

Deno.test("a release without any executable has exit code 1, a wrong option 2", async () => {
  using place = temporaryDirectory();
  const empty = `${place.path}/empty`;
  Deno.writeTextFileSync(empty, "");
  const options = ["--only=linux-x64", `--binary=linux-x64=${empty}`];
  const { code, output } = await release(...options, `--output=${place.path}/release`);
  assert.equal(code, 1);
  assert.match(output, /^MISSING linux-x64: the file is an executable for an unknown system$/m);
  assert.equal((await release("--all")).code, 2);
  const other = await release(...options, `--output=${place.path}`);
  assert.equal(other.code, 2);
  assert.match(other.output, /has other files: use an empty directory/);
  assert.equal(Deno.readTextFileSync(empty), "");
});
