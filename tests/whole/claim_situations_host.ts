/** Situations of the host and its guests in which a claim of an answer has another value than usual. */
import assert from "node:assert/strict";
import type { ToolResult } from "../support/server.ts";
import { type Situation, succeeded } from "./claim_situations.ts";
import type { Args } from "./full_stage.ts";
import { uploadOver } from "./tool_calls.ts";

/** The tools that run commands, with the place where they run them. */
export const EXEC = {
  ssh_exec_command: {},
  proxmox_container_exec_command: { ctid: 101 },
  proxmox_vm_exec_command: { vmid: 201 },
} as const satisfies Readonly<Record<string, Args>>;

const endingOf = ({ data, isError }: ToolResult) => {
  const { success, exit_code, timeout_reached, cancelled, process_ended } = data;
  return { isError, success, exit_code, timeout_reached, cancelled, process_ended };
};

/** A command fails, and another one is stopped where nobody can see that it has ended. */
export async function otherEndings({ servers }: Situation): Promise<void> {
  await Promise.all(
    Object.entries(EXEC).map(async ([tool, place]) => {
      const failed = await servers.call(tool, { ...place, command: "exit 3" });
      assert.deepEqual(endingOf(failed), {
        ...{ isError: false, success: false, exit_code: 3 },
        ...{ timeout_reached: false, cancelled: false, process_ended: true },
      }, tool);
      const stopped = await servers.call(tool, { ...place, command: "sleep 60", timeout: 10 });
      // No guard runs on the embedded host, and the VM has no grep.
      assert.deepEqual(endingOf(stopped), {
        ...{ isError: true, success: false, exit_code: null },
        ...{ timeout_reached: true, cancelled: false, process_ended: false },
      }, tool);
    }),
  );
}

/** One stream is longer than CHARACTER_LIMIT, then the other one. */
export async function cutOutput({ servers }: Situation): Promise<void> {
  const run = async (tool: string, command: string) => {
    const place = EXEC[tool as keyof typeof EXEC]; // a key of the record
    const { data } = await servers.call(tool, { ...place, command });
    return [data.stdout_truncated, data.stderr_truncated];
  };
  const long = "i=0; while [ $i -lt 500 ]; do echo 0123456789; i=$((i+1)); done";
  await Promise.all(
    Object.keys(EXEC).map(async (tool) => {
      assert.deepEqual(await run(tool, `${long}; echo short >&2`), [true, undefined], tool);
      assert.deepEqual(await run(tool, `(${long}) >&2; echo short`), [undefined, true], tool);
    }),
  );
}

/** Copies between two machines, of which one can compute no sha256. */
export async function withoutHashes(situation: Situation): Promise<void> {
  const { servers, place, setHasHash } = situation;
  const onHost = `${place.host.directory}/f.txt`;
  const verified = async (ctid: number, hostName: string) => {
    const up = { local_path: "f.txt", overwrite: true };
    const down = { local_path: "down.txt", overwrite: true };
    const container = { ctid, container_path: "/opt/f.txt" };
    const answers = [
      await servers.call("ssh_upload_file", { ...up, remote_path: onHost }),
      await servers.call("ssh_download_file", { ...down, remote_path: onHost }),
      await servers.call("proxmox_upload_file_to_container", { ...up, ...container }),
      await servers.call("proxmox_download_file_from_container", { ...down, ...container }),
      await servers.call("imagekit_confirm_upload", await uploadOver(situation, hostName)),
      await servers.call("ssh_write_file", { path: "/opt/w.txt", content: "x", ctid }),
    ];
    return answers.map((answer) => succeeded(answer).verified);
  };
  assert.deepEqual(await verified(101, "hashed"), Array(6).fill("sha256"));
  setHasHash(false);
  try {
    assert.deepEqual(await verified(105, "unhashed"), Array(6).fill("size"));
  } finally {
    setHasHash(true);
  }
}

export async function bothOperations({ servers, place }: Situation): Promise<void> {
  const args = { local_path: "f.txt", remote_path: `${place.host.directory}/f.txt` };
  for (const operation of ["upload", "download"]) {
    const answer = await servers.call(`ssh_${operation}_file`, { ...args, overwrite: true });
    assert.equal(succeeded(answer).operation, operation);
  }
}

export async function writtenTwice({ servers, place }: Situation): Promise<void> {
  const args = { path: `${place.host.directory}/written`, content: "x", overwrite: true };
  for (const created of [true, false]) {
    assert.equal(succeeded(await servers.call("ssh_write_file", args)).created, created);
  }
}

export async function editedDry({ servers, place }: Situation): Promise<void> {
  const path = `${place.host.directory}/edited`;
  Deno.writeTextFileSync(path, "old");
  const edits = [{ old_text: "old", new_text: "new" }];
  for (const [dry_run, content] of [[true, "old"], [false, "new"]] as const) {
    const { changed } = succeeded(await servers.call("ssh_edit_file", { path, edits, dry_run }));
    assert.deepEqual([changed, Deno.readTextFileSync(path)], [!dry_run, content]);
  }
}

/** One of two files cannot be written, because a directory has its name. */
export async function directoryInTheWay({ servers, place }: Situation): Promise<void> {
  const [here, there] = [`${place.directory}/pair`, `${place.host.directory}/pair`];
  for (const [tool, from, to] of [["upload", here, there], ["download", there, here]] as const) {
    const [local_path, remote_path] = [here, there].map((path) => `${path}-${tool}`);
    const args = { local_path, remote_path };
    Deno.mkdirSync(`${from}-${tool}`);
    for (const name of ["a", "b"]) Deno.writeTextFileSync(`${from}-${tool}/${name}`, "x");
    Deno.mkdirSync(`${to}-${tool}/a/full`, { recursive: true });
    const partly = succeeded(await servers.call(`ssh_${tool}_directory`, args));
    assert.deepEqual([partly.success, partly.sent, partly.failed_count], [false, 1, 1]);
    Deno.removeSync(`${to}-${tool}/a`, { recursive: true });
    const complete = succeeded(await servers.call(`ssh_${tool}_directory`, args));
    assert.deepEqual([complete.success, complete.sent, complete.unchanged], [true, 1, 1]);
  }
}

export async function endedJob({ servers, place }: Situation): Promise<void> {
  const command = `until [ -e ${place.host.directory}/go ]; do sleep 0.05; done`;
  const { job_id } = succeeded(await servers.call("ssh_start_job", { command }));
  const running = async (wait_seconds: number) =>
    succeeded(await servers.call("ssh_job_output", { job_id, wait_seconds })).running;
  assert.equal(await running(0), true);
  Deno.writeTextFileSync(`${place.host.directory}/go`, "");
  while (await running(20));
}
