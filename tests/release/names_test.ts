import assert from "node:assert/strict";
import { downloadAddress, registryName, REPOSITORY } from "../../release/names.ts";
import { projectFile } from "../support/project.ts";

Deno.test("README says that nothing is published for as long as no address is decided", () => {
  const readme = Deno.readTextFileSync(projectFile("README.md"));
  assert.equal(
    readme.includes("No release is published yet, because its address is not decided."),
    REPOSITORY === undefined,
  );
});

Deno.test("downloadAddress() and registryName() follow from the repository's address", () => {
  const repository = "https://github.com/Some-One/project.x";
  assert.equal(downloadAddress(repository, "1.2.3"), `${repository}/releases/download/v1.2.3`);
  assert.equal(registryName(repository), "io.github.Some-One/mcp-remote-exec");
  for (const other of [undefined, "https://github.com/owner", "https://gitlab.com/me/project"]) {
    assert.equal(registryName(other), undefined);
  }
});
