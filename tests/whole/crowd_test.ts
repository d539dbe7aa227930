import assert from "node:assert/strict";
import { ask, RawClient } from "../downloads/http.ts";
import { peer, peerTest } from "../peers/require.ts";
import { outputOf } from "../support/command.ts";
import { startPlace } from "../support/places.ts";
import { connectServer } from "../support/server.ts";

peerTest({
  name: "1,000 idle connections to the links' listener hurt neither SSH nor the next download",
  peer: peer("prlimit", "/usr/bin/prlimit", "util-linux"),
  async fn() {
    await using place = await startPlace();
    Deno.writeTextFileSync(`${place.directory}/a.txt`, "content");
    await using server = await connectServer({ env: place.env, cwd: place.directory });
    // The limit of most systems; this one may have another.
    await outputOf("prlimit", `--pid=${server.server.pid}`, "--nofile=1024:1024");
    const { data } = await server.call("generate_download_link", { path: "a.txt" });
    const url = String(data.download_url);
    const idle = await Promise.all(Array.from({ length: 1_100 }, () => RawClient.connect(url)));
    const { data: executed, text } = await server.call("ssh_exec_command", { command: "echo out" });
    assert.equal(executed.stdout, "out\n", text);
    assert.equal((await ask(url)).text, "content");
    for (const client of idle) client.close();
    assert.match(server.server.stderr, /^\[warn\] download links have 100 connections, the max/m);
  },
});
