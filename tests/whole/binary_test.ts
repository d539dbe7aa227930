// @process: it changes the environment of this process.
import assert from "node:assert/strict";
import { startPlace } from "../support/places.ts";
import { connectServer } from "../support/server.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const binary = Deno.env.get("MRE_BINARY");

// The other tests in this folder also run against the binary that MRE_BINARY names.
if (binary !== undefined) {
  Deno.test("the binary works without the source tree, a cache and an environment", async () => {
    await using place = await startPlace();
    using empty = temporaryDirectory();
    const copy = `${empty.path}/mcp-remote-exec`;
    Deno.copyFileSync(binary, copy);
    Deno.env.set("MRE_BINARY", copy);
    try {
      const { HOME: _, ...env } = place.env;
      await using server = await connectServer({
        env: {
          ...env,
          SSH_KNOWN_HOSTS: `${place.home}/.ssh/known_hosts`,
          DENO_DIR: `${empty.path}/none`,
        },
        cwd: empty.path,
      });
      const { data } = await server.call("ssh_exec_command", { command: "echo out" });
      assert.equal(data.stdout, "out\n");
    } finally {
      Deno.env.set("MRE_BINARY", binary);
    }
  });
}
