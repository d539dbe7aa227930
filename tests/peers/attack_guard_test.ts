import assert from "node:assert/strict";
import {
  alive,
  connectTo,
  execTimedOut,
  isRoot,
  newTag,
  openSession,
  tagged,
  untilGuarded,
} from "./openssh.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { peerTest, ROOT, SSHD } from "./require.ts";
import { startSshd } from "./sshd.ts";

const SH = { loginUser: isRoot ? "root" : "user", shell: "/bin/sh" } as const;

/** Kills every other process of the connection, which is only the guard. */
const KILL_GUARD =
  `for p in $(cat /proc/$PPID/task/$PPID/children); do [ $p = $$ ] || { echo $p; kill -KILL $p; }; done`;

peerTest({
  peer: SSHD,
  name: "exec() stops commands for sure again after one of them has killed the guard",
  async fn() {
    await using sshd = await startSshd(SH);
    const clock = new FakeClock();
    await using session = await openSession(sshd, { clock });
    await session.exec("true");
    await untilGuarded(sshd.marker);
    assert.match(await session.read(KILL_GUARD), /^\d+\n$/);
    // The end of the guard is reported before the end of this command.
    await session.exec("true");
    const tag = newTag();
    const line = tagged(tag, "sleep 300 & sleep 300");
    const { ending, processEnded } = await execTimedOut(session, clock, { tag, line, count: 3 });
    assert.deepEqual([ending, processEnded, alive(tag)], ["timeout", true, []]);
  },
});

peerTest({
  peer: [SSHD, ROOT],
  name: "exec() does not claim an end that signals cannot bring, on a host where no guard runs",
  async fn() {
    await using sshd = await startSshd({ loginUser: "user", shell: "/bin/bash" });
    await Deno.writeTextFile(`${sshd.home}/.bashrc`, "PATH=/nowhere\n");
    const clock = new FakeClock();
    await using session = await openSession(sshd, { clock });
    const tag = newTag();
    // The job has a process group of its own, and signals over SSH reach the shell's only.
    const script = "set -m; /bin/sleep 4000 >/dev/null 2>&1 & wait";
    const line = `exec /usr/bin/env MRE_TAG=${tag} /bin/bash --norc -c '${script}'`;
    const { ending, processEnded } = await execTimedOut(session, clock, { tag, line, count: 2 });
    assert.deepEqual([ending, processEnded, alive(tag).length], ["timeout", false, 1]);
  },
});

peerTest({
  peer: SSHD,
  name: "exec() is not misled by names of processes that look like the lines of others",
  async fn() {
    await using sshd = await startSshd(SH);
    const clock = new FakeClock();
    await using session = await openSession(sshd, { clock });
    const names = [") S 1 1 1 (", "a b) R 1", "x\ny", "*", "-e", "$(touch pwned)", "`id`", ") ) Z"];
    const tag = newTag();
    const script = names.map((name, index) =>
      `cp /bin/sleep s${index}; mv s${index} './${name}'; './${name}' 300 &`
    );
    const dir = (await session.read("mktemp -d")).trim();
    const line = tagged(tag, [`cd ${dir}`, ...script, "wait"].join("\n"));
    const count = names.length + 1;
    const { ending, processEnded } = await execTimedOut(session, clock, { tag, line, count });
    assert.deepEqual([ending, processEnded, alive(tag)], ["timeout", true, []]);
    assert.equal(await session.read(`ls -A ${dir} ~ | grep -x pwned; rm -r ${dir}`), "");
  },
});

peerTest({
  peer: SSHD,
  name: "ssh_exec_command refuses NUL, upon which sshd would cut every other command's connection",
  async fn() {
    await using sshd = await startSshd(SH);
    const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "mre_nul_" }));
    await using server = await connectTo(sshd, dir);
    try {
      const call = (command: string) => server.call("ssh_exec_command", { command });
      await call("true");
      const other = call("while [ ! -e go ]; do sleep 0.05; done; echo through; rm go");
      const refused = await call("touch go; echo a\0b");
      assert.equal(refused.data.code, "invalid_argument");
      await call("touch go");
      const { stdout } = (await other).data;
      assert.equal(stdout, "through\n");
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});
