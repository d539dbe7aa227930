/** Lines with file names in them, run by every login shell. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "../../../../support/property.ts";
import { StartMark } from "../../../../../src/shell/start_mark.ts";
import {
  hashCommand,
  parseHash,
  scriptLine,
  statScript,
} from "../../../../../src/ssh/worker/files/shell/file_scripts.ts";
import { LOGIN_SHELLS, nastyName, runLogin } from "../../../../support/login_shells.ts";
import { peerTest } from "../../../../peers/require.ts";

const CONTENT = "content of the file";
const HASH = createHash("sha256").update(CONTENT).digest("hex");

const fileName = nastyName
  .map((text) => text.replaceAll("/", "_"))
  .filter((name) => !["", ".", ".."].includes(name) && new TextEncoder().encode(name).length < 250);

function afterMark(output: string): string {
  return new TextDecoder().decode(new StartMark().after(new TextEncoder().encode(output)));
}

/** Runs work with a file of a nasty name in an otherwise empty directory, in which nothing may appear. */
async function withFile(name: string, work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "mre_hash_" });
  try {
    await Deno.writeTextFile(`${directory}/${name}`, CONTENT);
    await work(directory);
    assert.deepEqual([...Deno.readDirSync(directory)].map((entry) => entry.name), [name]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

for (const shell of LOGIN_SHELLS) {
  peerTest({
    name: `hashCommand() hashes a file of any name through ${shell.name}, and nothing runs`,
    peer: shell.peer,
    async fn() {
      await fc.assert(
        fc.asyncProperty(fileName, async (name) => {
          await withFile(name, async (directory) => {
            for (const path of [name, `${directory}/${name}`]) {
              const output = await runLogin(shell, hashCommand(path, CONTENT.length), directory);
              assert.equal(parseHash(afterMark(output)), HASH);
            }
          });
        }),
        { numRuns: 15 },
      );
    },
  });

  peerTest({
    name: `scriptLine() inspects a file of any name through ${shell.name}, and nothing runs`,
    peer: shell.peer,
    async fn() {
      await fc.assert(
        fc.asyncProperty(fileName, async (name) => {
          await withFile(name, async (directory) => {
            const line = scriptLine("env A=1", statScript(`${directory}/${name}`));
            const output = afterMark(await runLogin(shell, line, directory));
            assert.match(output, new RegExp(`^S ${CONTENT.length} 81a4 \\d+ \\d+:\\d+\\n$`));
          });
        }),
        { numRuns: 15 },
      );
    },
  });
}

peerTest({
  name: "hashCommand() hashes a file whose path has 4,095 bytes",
  peer: [],
  async fn() {
    const [shell] = LOGIN_SHELLS;
    assert.ok(shell);
    await withFile("'", async (directory) => {
      const path = `${directory}/${"./".repeat((4_095 - directory.length - 2) / 2)}'`;
      const output = await runLogin(shell, hashCommand(path, CONTENT.length), directory);
      assert.equal(parseHash(afterMark(output)), HASH);
    });
  },
});

for (const shell of LOGIN_SHELLS) {
  peerTest({
    name: `hashCommand() returns no hash of the part of a file that can be read (${shell.name})`,
    peer: shell.peer,
    async fn() {
      await withFile("x", async (directory) => {
        // Reading it fails, as on a bad disk.
        const line = hashCommand("/proc/self/mem", 1000);
        const output = afterMark(await runLogin(shell, line, directory));
        assert.match(output, /[0-9a-f]{64}/);
        assert.equal(parseHash(output), undefined);
      });
    },
  });
}
