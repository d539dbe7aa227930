import { descendantsOf } from "../../tests/peers/processes.ts";
import { peer } from "../../tests/peers/require.ts";
import type { Rows } from "../harness.ts";
import { requirePeers } from "../peer_missing.ts";
import { runProgram } from "../programs.ts";
import { measureTransfers } from "../transfers.ts";

const TASKSET = peer("taskset", "/usr/bin/taskset", "util-linux");

/** A large file both ways, where neither end can use the other one's processor. */
export const pinnedRows: Rows = {
  name: "pinned",
  about: "upload and download of 200 MB, with the host and the client on a core each",
  async measure(bench) {
    requirePeers(TASKSET);
    await using _ = await pinEnds();
    await using server = await bench.startServer();
    await using openSsh = await bench.openSsh();
    const where = ", host and client on a core each";
    const aim = { of: "ratio", least: 0.95 } as const;
    return await measureTransfers(bench, server, openSsh, {
      bytes: 200_000_000,
      rounds: 7,
      where,
      aim,
    });
  },
};

/** Puts sshd on the second core, and this process with all that it starts on the first one. */
async function pinEnds(): Promise<AsyncDisposable> {
  const daemons = descendantsOf(Deno.pid).filter((pid) =>
    Deno.readTextFileSync(`/proc/${pid}/comm`).startsWith("sshd")
  );
  const all = `0-${navigator.hardwareConcurrency - 1}`;
  const pin = (pid: number, cores: string) =>
    runProgram("taskset", ["--all-tasks", "--cpu-list", "--pid", cores, String(pid)]);
  for (const pid of daemons) await pin(pid, "1");
  await pin(Deno.pid, "0");
  return {
    async [Symbol.asyncDispose]() {
      for (const pid of [...daemons, Deno.pid]) await pin(pid, all);
    },
  };
}
