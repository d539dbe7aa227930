import assert from "node:assert/strict";
import { isAlive } from "../fakes/ssh_host_client.ts";
import { sessionTest } from "../support/session.ts";

/** Kills every other process that the same server has started: the guard, as nothing else runs. */
const KILL_SIBLINGS =
  `for d in $(cat /proc/$PPID/task/*/children); do [ $d = $$ ] || kill -KILL $d; done`;

sessionTest(
  "exec() stops commands for sure again after one of them has killed the guard",
  async ({ exec, host }) => {
    assert.equal((await exec(KILL_SIBLINGS)).exitCode, 0);
    await exec("true"); // the news of the guard's end are here before this one's
    const next = await exec("echo $$; sleep 300 & sleep 300", { timeoutMs: 1_000 });
    assert.deepEqual([next.ending, next.processEnded], ["timeout", true]);
    assert.equal(isAlive(Number(next.stdout.text)), false);
    assert.equal(host.connectionCount(), 2);
    assert.equal((await exec("true")).exitCode, 0);
    assert.equal(host.connectionCount(), 2, "a connection with its guard stays");
  },
  { host: { ignoreSignals: true } },
);

sessionTest("exec() is not misled by what the names of processes look like", async ({ exec }) => {
  // Each is a process whose stat line holds what another one's could.
  const names = [") S 1 1 1 (", "a b) R 1", "x\ny", "*", "-e", "$(touch pwned)", "`id`"];
  const lines = names.map((name, index) =>
    `cp /bin/sleep ./s${index}; mv ./s${index} '${name}'; './${name}' 31337 &`
  );
  const { ending, processEnded } = await exec([...lines, "wait"].join("\n"), { timeoutMs: 2_000 });
  assert.deepEqual([ending, processEnded], ["timeout", true]);
  const left = await exec("ls -A | grep -cx pwned; ps -eo args | grep -c '[ ]31337$'");
  assert.equal(left.stdout.text, "0\n0\n");
});
