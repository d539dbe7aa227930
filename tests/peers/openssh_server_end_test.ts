// @timed: the server must end within seconds.
import assert from "node:assert/strict";
import { ACCOUNTS, FEW } from "./endless.ts";
import { connectTo, newTag, tagged, untilAllAlive, untilGone, untilGuarded } from "./openssh.ts";
import { peerTest, SSHD } from "./require.ts";
import { startSshd } from "./sshd.ts";
import { END_LIMIT_MS } from "../support/server.ts";

// The real server, or the binary that MRE_BINARY names.

for (const loginUser of ACCOUNTS) {
  for (const way of ["SIGKILL", "SIGTERM", "SIGINT", "the end of stdin"] as const) {
    peerTest({
      peer: SSHD,
      name: `the server leaves nothing running on the host after ${way} (${loginUser})`,
      async fn() {
        await using sshd = await startSshd({ loginUser });
        const dir = await Deno.makeTempDir({ prefix: "mre_whole_" });
        const server = await connectTo(sshd, dir);
        const tags = [40, 300].flatMap((timeout) =>
          FEW.map(({ script, count }) => {
            const tag = newTag();
            server.call("ssh_exec_command", { command: tagged(tag, script), timeout })
              .catch(() => {});
            return { tag, count };
          })
        );
        await untilAllAlive(tags);
        await untilGuarded(sshd.marker);
        const startedAt = performance.now();
        if (way === "the end of stdin") await server.server.close();
        else server.server.kill(way);
        await server.server.ended();
        assert.ok(performance.now() - startedAt < END_LIMIT_MS, "not soon");
        // The guard and the attendants of long commands finish on the host, also after the server's end.
        await Promise.all(tags.map(({ tag }) => untilGone(tag)));
        await Deno.remove(dir, { recursive: true });
      },
    });
  }
}
