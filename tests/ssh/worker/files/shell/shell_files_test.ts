import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Duplex, PassThrough } from "node:stream";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { RemoteExecError } from "../../../../../src/errors.ts";
import type { StartedCommand } from "../../../../../src/ssh/worker/commands/started_command.ts";
import { openShellSink } from "../../../../../src/ssh/worker/files/shell/shell_files.ts";
import { shellContent } from "../../../../../src/ssh/worker/files/text/content.ts";

const CONTAINER = {
  kind: "shell",
  prefix: "exec pct exec 101 --",
  path: "/small/x",
  label: "container 101",
} as const;

/** A script that prints `output` and ends before it has read its stdin. */
function endedScript(output: string, code = 0): StartedCommand {
  const duplex = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const channel = Object.assign(duplex, { stderr: new PassThrough() });
  channel.push(`\x1estarted\n${output}`);
  channel.push(null);
  channel.end();
  return {
    // The part of a channel that a script needs.
    channel: channel as unknown as ClientChannel,
    exited: Promise.resolve({ code, signal: undefined }),
    end: () => Promise.resolve(true),
    running: () => false,
    isConnected: () => true,
    keep() {},
    drop() {},
    settle: () => Promise.resolve(true),
    release() {},
  };
}

const options = { overwrite: true, mode: undefined };

for (
  const [word, code] of [["write", "disk_full"], ["denied", "not_permitted"]] as const
) {
  Deno.test(`a write to a script that has ended reports the script's reason: ${word}`, async () => {
    const start = () => Promise.resolve(endedScript(`K\nE ${word}\n`));
    const sink = await openShellSink(start, CONTAINER, 10, options);
    const error = await Promise.resolve(sink.write(new Uint8Array(10))).catch((error) => error);
    assert.ok(error instanceof RemoteExecError);
    assert.equal(error.code, code);
    await sink.discard();
  });
}

Deno.test("a text that is replaced before the host hashes it has changed", async () => {
  const start = () => Promise.resolve(endedScript(`S 2 81a4 0\nabH ${"0".repeat(64)}\nI \n`));
  await assert.rejects(shellContent(start, CONTAINER, 10), { code: "changed" });
});

const AB_HASH = createHash("sha256").update("ab").digest("hex");

for (
  const [before, after] of [["7:8", "7:9"], ["7:8", "6:8"], ["7:8", "7:8"], ["", "7:8"], [
    "7:8",
    "",
  ]]
) {
  const isChanged = before !== "" && before !== after;
  Deno.test(`a text ${isChanged ? "has changed" : "is read"} whose inode was "${before}" and is "${after}"`, async () => {
    const script = `S 2 81a4 0 ${before}\nabH ${AB_HASH}\nI ${after}\n`;
    const read = shellContent(() => Promise.resolve(endedScript(script)), CONTAINER, 10);
    if (isChanged) await assert.rejects(read, { code: "changed" });
    else assert.equal((await read).sha256, AB_HASH);
  });
}

Deno.test("a file that became shorter is never taken for whole, whatever follows its content", async () => {
  const trailer = `H ${AB_HASH}  -\nI 7:8\n`;
  for (let missing = 1; missing <= trailer.length + 1; missing++) {
    const script = `S ${2 + missing} 81a4 0 7:8\nab${trailer}`;
    const read = shellContent(() => Promise.resolve(endedScript(script)), CONTAINER, 1_000);
    await assert.rejects(
      read,
      ({ code }: RemoteExecError) => ["changed", "io_error"].includes(code),
    );
  }
});

Deno.test("a file of unknown size whose script fails is not taken for whole", async () => {
  for (const content of ["", "partial"]) {
    const read = (code: number) =>
      shellContent(
        () => Promise.resolve(endedScript(`S 0 81a4 0\n${content}`, code)),
        CONTAINER,
        10,
      );
    for (const code of [1, 137]) await assert.rejects(read(code), { code: "io_error" });
    assert.equal(new TextDecoder().decode((await read(0)).bytes), content);
  }
});
