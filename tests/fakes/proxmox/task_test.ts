/** How a task ends on a signal. "CO" is proxmox/pve-common f665029 src/PVE/RESTEnvironment.pm. */
import assert from "node:assert/strict";
import { until } from "../../support/until.ts";
import type { FakeProxmox } from "./install.ts";
import { nodeTest, silent, WEB } from "./node_tests.ts";

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A snapshot that stays half done, and the lock that it holds. */
async function startSnapshot(pve: FakeProxmox): Promise<Deno.ChildProcess> {
  await pve.setFault("taskHolds", 0);
  const child = new Deno.Command(`${pve.binDirectory}/pct`, {
    args: ["snapshot", "101", "one"],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await until("the snapshot is under way", () => lockOf(pve) === "snapshot");
  return child;
}

function lockOf(pve: FakeProxmox): string | undefined {
  return JSON.parse(Deno.readTextFileSync(`${pve.stateDirectory}/guests/101/state.json`)).lock;
}

/** Workers that live, by the session that each of them leads. */
function workers(pve: FakeProxmox): string[] {
  return Array.from(Deno.readDirSync("/proc"), ({ name }) => name).filter((pid) => {
    try {
      const isWorker = /\binternal\0worker\0/.test(Deno.readTextFileSync(`/proc/${pid}/cmdline`));
      return isWorker && Deno.readTextFileSync(`/proc/${pid}/environ`).includes(pve.stateDirectory);
    } catch {
      return false; // ended meanwhile
    }
  });
}

// CO fork_worker, $tee_worker
nodeTest(
  "pct passes TERM on to its worker and waits until that has tidied up",
  [WEB],
  async (pve) => {
    const child = await startSnapshot(pve);
    const [worker = ""] = workers(pve);
    const session =
      Deno.readTextFileSync(`/proc/${worker}/stat`).replace(/^.*\) /s, "").split(" ")[3];
    assert.equal(session, worker);
    await pve.setFault("cleanupMs", 200);
    child.kill("SIGTERM");
    const { code, stdout, stderr } = await child.output();
    assert.deepEqual([code, decode(stdout), decode(stderr)], [
      255,
      "cleaning up\ncleaned up\n",
      "received interrupt\n",
    ]);
    assert.deepEqual([lockOf(pve), workers(pve)], [undefined, []]);
  },
);

// CO fork_worker: SIGPIPE is DEFAULT in the worker
nodeTest("a worker whose parent was killed dies of what it writes and leaves the lock", [
  WEB,
], async (pve, sh) => {
  const child = await startSnapshot(pve);
  const [worker = ""] = workers(pve);
  child.kill("SIGKILL");
  await child.output();
  Deno.kill(-Number(worker), "SIGTERM");
  await until("the end of the worker", () => workers(pve).length === 0);
  assert.equal(lockOf(pve), "snapshot");
  assert.deepEqual(await sh("pct unlock 101"), silent());
});

// CO $tee_worker: `broken pipe`, then $kill_process_group
nodeTest("pct whose output nobody reads abandons its worker", [WEB], async (pve) => {
  await pve.setFault("cleanupMs", 60_000);
  const child = await startSnapshot(pve);
  const pipe = Deno.readLinkSync(`/proc/${child.pid}/fd/1`);
  await child.stdout.cancel();
  // The pipe may still be open for a moment, and a worker that can write goes on.
  await until("the reader has closed the pipe", () => !hasReader(pipe));
  child.kill("SIGTERM");
  const { code } = await child.status;
  await child.stderr.cancel();
  assert.deepEqual([code, lockOf(pve), workers(pve)], [255, "snapshot", []]);
});

// CO $tee_worker: the fourth signal is KILL
nodeTest("a second TERM interrupts the worker's tidying up", [WEB], async (pve) => {
  await pve.setFault("cleanupMs", 60_000);
  const child = await startSnapshot(pve);
  const reader = child.stdout.getReader();
  child.kill("SIGTERM");
  assert.equal(decode((await reader.read()).value ?? new Uint8Array()), "cleaning up\n");
  child.kill("SIGTERM");
  assert.equal((await child.status).code, 255);
  reader.releaseLock();
  await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
  assert.equal(lockOf(pve), "snapshot");
});

// MG PVE/VZDump.pm; QS src/PVE/VZDump/QemuServer.pm
nodeTest("vzdump logs its percent and unlocks the guest when it is interrupted", [
  WEB,
], async (pve) => {
  await pve.setFault("taskHolds", 25);
  const child = new Deno.Command(`${pve.binDirectory}/vzdump`, {
    args: ["101"],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let log = "";
  for await (const chunk of child.stdout) {
    log += decode(chunk);
    if (/^INFO: {2}25% \(25\.0 GiB of 100\.0 GiB\) in 3s, read: .*\n$/m.test(log)) {
      assert.equal(lockOf(pve), "backup");
      child.kill("SIGTERM");
    }
  }
  await child.stderr.cancel();
  assert.equal((await child.status).code, 255);
  assert.match(log, /^ERROR: Backup of VM 101 failed - received interrupt$/m);
  assert.match(log, /^INFO: Backup job finished with errors$/m);
  assert.equal(lockOf(pve), undefined);
});

/** What this process has open, as `/proc` names it. */
/** Reports whether a process can read a pipe: this one, or one that it has forked and that is not started yet. */
function hasReader(pipe: string): boolean {
  const pids = [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name));
  return pids.some(({ name: pid }) =>
    readable(() => [...Deno.readDirSync(`/proc/${pid}/fd`)])?.some(({ name: fd }) =>
      readable(() => Deno.readLinkSync(`/proc/${pid}/fd/${fd}`)) === pipe &&
      // Source: proc(5). The last digit is the access mode: 0 is O_RDONLY.
      /^flags:\s+\d*0$/m.test(
        readable(() => Deno.readTextFileSync(`/proc/${pid}/fdinfo/${fd}`)) ?? "",
      )
    )
  );
}

/** Returns what is read, or undefined if the process or the file is gone meanwhile, or of another user. */
function readable<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
