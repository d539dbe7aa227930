/** The command that hashes a file while it is written, run by every login shell and by busybox. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { StartMark } from "../../../../../src/shell/start_mark.ts";
import { parseHash } from "../../../../../src/ssh/worker/files/shell/file_scripts.ts";
import { growingHashLine } from "../../../../../src/ssh/worker/files/shell/growing_hash.ts";
import { content } from "../../../../fakes/ssh_host_client.ts";
import { BUSYBOX, peerTest } from "../../../../peers/require.ts";
import { LOGIN_SHELLS, type LoginShell } from "../../../../support/login_shells.ts";
import { temporaryDirectory } from "../../../../support/temporary_directory.ts";

const BLOCK_BYTES = 1_048_576;
const BYTES = content(5_000_000);
const HASH = createHash("sha256").update(BYTES).digest("hex");
const NAME = ".new\nline's \\ ü €.part";

/** Writes the file in two pieces, tells both to the command, and returns the hash that it prints. */
async function hashGrowing(
  { path, args }: Pick<LoginShell, "path" | "args">,
  directory: string,
  searchPath: string,
): Promise<string | undefined> {
  const file = `${directory}/${NAME}`;
  Deno.writeFileSync(file, BYTES.subarray(0, 2 * BLOCK_BYTES));
  const child = new Deno.Command(path, {
    args: [...args, "-c", growingHashLine(file)],
    clearEnv: true,
    env: { PATH: searchPath, HOME: "/nonexistent" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  // A script whose programs are missing may have ended.
  const tell = (line: string) => writer.write(new TextEncoder().encode(line)).catch(() => {});
  await tell("1\n1\n");
  Deno.writeFileSync(file, BYTES.subarray(2 * BLOCK_BYTES), { append: true });
  await tell("2\n0\n");
  await writer.close().catch(() => {});
  const { stdout, stderr } = await child.output();
  assert.equal(new TextDecoder().decode(stderr), "");
  return parseHash(new TextDecoder().decode(new StartMark().after(stdout)));
}

for (const shell of LOGIN_SHELLS) {
  peerTest({
    name: `growingHashLine() hashes a growing file of an odd name through ${shell.name}`,
    peer: shell.peer,
    async fn() {
      using root = temporaryDirectory();
      assert.equal(await hashGrowing(shell, root.path, "/usr/bin:/bin"), HASH);
    },
  });
}

peerTest({
  name: "growingHashLine() hashes a growing file with the programs of busybox",
  peer: BUSYBOX,
  async fn() {
    using root = temporaryDirectory();
    const bin = `${root.path}/bin`;
    Deno.mkdirSync(bin);
    for (const name of ["sh", "dd", "cat", "sha256sum"]) {
      Deno.symlinkSync("/usr/bin/busybox", `${bin}/${name}`);
    }
    assert.equal(await hashGrowing({ path: `${bin}/sh`, args: [] }, root.path, bin), HASH);
  },
});

peerTest({
  name: "growingHashLine() prints no hash of the complete file when dd fails",
  peer: [],
  async fn() {
    using root = temporaryDirectory();
    const bin = `${root.path}/bin`;
    Deno.mkdirSync(bin);
    for (const name of ["sh", "cat", "sha256sum"]) {
      Deno.symlinkSync(`/usr/bin/${name}`, `${bin}/${name}`);
    }
    const found = await hashGrowing({ path: "/bin/sh", args: [] }, root.path, bin);
    assert.notEqual(found, HASH);
  },
});
