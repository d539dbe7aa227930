import { type ChildProcess, spawn } from "node:child_process";
import { Duplex } from "node:stream";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import type { StartedCommand } from "../../src/ssh/worker/commands/started_command.ts";

/** Runs a command line on this machine as an SSH server would, in a session of its own. */
export function startLocally(line: string, env: Record<string, string>): StartedCommand {
  const child = spawn("/bin/sh", ["-c", line], { detached: true, env, cwd: env["HOME"] });
  const channel = asChannel(child);
  let isRunning = true;
  const exited = new Promise<{ code: number | null; signal: string | undefined }>((resolve) => {
    child.once("exit", (code, signal) => {
      isRunning = false;
      resolve({ code, signal: signal ?? undefined });
    });
  });
  return {
    channel,
    exited,
    async end() {
      // As at the end of an SSH session: its processes are killed, and its stdin ends.
      if (child.pid !== undefined && isRunning) killGroup(child.pid);
      child.stdin?.destroy();
      await exited;
      return true;
    },
    running: () => isRunning,
    isConnected: () => true,
    settle: () => Promise.resolve(true),
    keep() {},
    drop() {},
    release() {
      child.stdin?.destroy();
    },
  };
}

function killGroup(pid: number): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch (error) {
    // It has ended, and its exit is not reported yet.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Returns the part of a channel that scripts need. `Duplex.from()` does the same, but rejects a promise of
 * its own when the command ends before its stdin.
 */
function asChannel(child: ChildProcess): ClientChannel {
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error("no pipes");
  // A write after the end of the command, or a read after it was killed.
  for (const stream of [stdin, stdout, stderr]) stream.on("error", () => {});
  const duplex = new Duplex({
    read: () => void stdout.resume(),
    write(chunk, _encoding, done) {
      if (stdin.writable) stdin.write(chunk, () => done());
      else done();
    },
    final(done) {
      stdin.end();
      done();
    },
  });
  stdout.on("data", (chunk) => duplex.push(chunk) || stdout.pause());
  // As in SSH, the exit is reported before the end.
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const closed = new Promise((resolve) => stdout.once("close", resolve));
  Promise.all([exited, closed]).then(() => {
    duplex.push(null);
    duplex.end();
  });
  return Object.assign(duplex, { stderr }) as unknown as ClientChannel;
}
