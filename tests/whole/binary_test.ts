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

  Deno.test("the binary loads no code from the directory for temporary files, where others write", async () => {
    await using place = await startPlace();
    using temporary = temporaryDirectory();
    const env = { ...place.env, TMPDIR: temporary.path };
    // Deno's code cache would be written by the first start and run by the second one.
    for (const _ of [1, 2]) {
      await using server = await connectServer({ env, cwd: place.directory });
      const { data } = await server.call("ssh_exec_command", { command: "echo out" });
      assert.equal(data.stdout, "out\n");
    }
    assert.deepEqual([...Deno.readDirSync(temporary.path)], []);
  });

  Deno.test("no tool and no link reads or writes the running binary", async () => {
    await using place = await startPlace();
    const copy = `${place.directory}/mcp-remote-exec`;
    Deno.copyFileSync(binary, copy);
    Deno.linkSync(copy, `${place.directory}/hard`);
    Deno.symlinkSync("mcp-remote-exec", `${place.directory}/link`);
    Deno.writeTextFileSync(`${place.host.directory}/evil`, "evil");
    Deno.env.set("MRE_BINARY", copy);
    try {
      const env = { ...place.env, MAX_FILE_SIZE: "1000000000" };
      await using server = await connectServer({ env, cwd: place.directory });
      for (const path of ["mcp-remote-exec", "hard", "link"]) {
        const write = { remote_path: "evil", local_path: path, overwrite: true };
        const { data } = await server.call("ssh_download_file", write);
        assert.equal(data.code, "not_permitted", path);
        const link = await server.call("generate_download_link", { path });
        assert.equal(link.data.code, "not_permitted", path);
      }
    } finally {
      Deno.env.set("MRE_BINARY", binary);
    }
    assert.equal(Deno.statSync(copy).size, Deno.statSync(binary).size);
  });
}
