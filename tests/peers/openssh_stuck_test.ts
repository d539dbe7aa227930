import assert from "node:assert/strict";
import { openSession } from "./openssh.ts";
import { until } from "../support/until.ts";
import { peerTest, ROOT, SSHD } from "./require.ts";
import { startSshd } from "./sshd.ts";
import { startDelayProxy } from "./delay_proxy.ts";

/** Commands beside the stuck file: one prints nothing until its end, one prints all the time. */
const OTHERS = {
  "a silent command": "sleep 9; echo done",
  "a printing command": "for i in $(seq 90); do echo $i >&2; sleep 0.1; done; echo done",
};

for (const [name, command] of Object.entries(OTHERS)) {
  peerTest({
    peer: [SSHD, ROOT],
    name: `a file whose next bytes never come hurts neither ${name} nor the next file call`,
    async fn() {
      await using sshd = await startSshd({ loginUser: "root" });
      await using session = await openSession(sshd);
      await session.file("up", "content");
      const other = session.exec(command);
      await session.upload("up", "there");
      const cancel = new AbortController();
      const stuck = session.download("/proc/kmsg", "kmsg", {}, cancel.signal);
      stuck.catch(() => {});
      // It reads what the kernel has logged so far, and then waits for more.
      await until("the download", () => namesIn(session.dir).some((each) => each !== "up"));
      // A session that answered a moment ago is used without a check.
      await session.exec("sleep 0.3");
      // Behind the stuck file it would stall for 30 seconds and fail.
      assert.equal((await session.upload("up", "there")).verified, "sha256");
      assert.equal((await session.download("there", "down")).bytes, 7);
      const { exitCode, stdout } = await other;
      assert.deepEqual([exitCode, stdout.text], [0, "done\n"]);
      cancel.abort();
      await assert.rejects(stuck, { code: "cancelled" });
    },
  });
}

peerTest({
  peer: [SSHD, ROOT],
  name: "a file whose next bytes never come hurts no file call that is under way",
  async fn() {
    await using sshd = await startSshd({ loginUser: "root" });
    await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 50 });
    await using session = await openSession(sshd, { port: proxy.port });
    await session.file("up", "content");
    await session.upload("up", "there");
    const cancel = new AbortController();
    const stuck = session.download("/proc/kmsg", "kmsg", {}, cancel.signal);
    stuck.catch(() => {});
    // Its requests are those of several round trips, and the read that is not answered is among them.
    assert.equal((await session.upload("up", "other")).verified, "sha256");
    cancel.abort();
    await assert.rejects(stuck, { code: "cancelled" });
  },
});

const namesIn = (dir: string): string[] => [...Deno.readDirSync(dir)].map(({ name }) => name);
