/** Command lines, run by the shells that will read them. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { containerLine } from "../../src/proxmox/guests/container_exec.ts";
import { hostLine } from "../../src/proxmox/host.ts";
import { shellQuote } from "../../src/shell/quote.ts";
import { termOnlyCommand } from "../../src/ssh/worker/commands/term_only_command.ts";
import { BUSYBOX, peerTest } from "../peers/require.ts";

const SHELLS = [["sh"], ["dash"], ["bash"], ["busybox", "sh"]] as const;

/** Text with characters that are special to shells. NUL is left out: no argument can contain it. */
const nastyText = fc.array(
  fc.oneof(
    fc.constantFrom("'", '"', "`", "$(id)", "${HOME}", "\\", "\n", "\r", "\t", " ", "!", "*", "~"),
    fc.constantFrom("--", "-n", ";", "&", "|", "<", ">", "#", "=", "é", "€", "😀", "\u0301", "%s"),
    fc.string({ unit: "grapheme" }),
  ),
  { maxLength: 12 },
).map((parts) => parts.join("").replaceAll("\0", "")).filter((text) => text.isWellFormed());

async function run(
  [program, ...args]: readonly string[],
  line: string,
  path?: string,
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program ?? "sh", {
    args: [...args, "-c", line],
    clearEnv: true,
    env: { PATH: `${path === undefined ? "" : `${path}:`}/usr/bin:/bin` },
    stdin: "null",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(stdout);
}

/** Runs work with a `pct` on PATH that is the given script. */
async function withPct(script: string, work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "mre_pct_" });
  try {
    await Deno.writeTextFile(`${directory}/pct`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

for (const shell of SHELLS) {
  const name = shell.join(" ");
  const needed = shell[0] === "busybox" ? BUSYBOX : [];

  peerTest({
    name: `shellQuote() passes each word to ${name} unchanged`,
    peer: needed,
    async fn() {
      await fc.assert(
        fc.asyncProperty(fc.array(nastyText, { minLength: 1, maxLength: 20 }), async (words) => {
          const line = `printf '%s\\0' ${words.map(shellQuote).join(" ")}`;
          assert.deepEqual((await run(shell, line)).split("\0").slice(0, -1), words);
        }),
        { numRuns: 40 },
      );
    },
  });

  peerTest({
    name: `hostLine() passes its words to the program through ${name}`,
    peer: needed,
    async fn() {
      await withPct(`printf '%s\\0' "$@"`, async (directory) => {
        await fc.assert(
          fc.asyncProperty(fc.array(nastyText, { minLength: 1, maxLength: 8 }), async (words) => {
            const output = await run(shell, hostLine(["pct", ...words]), directory);
            assert.deepEqual(output.split("\0").slice(0, -1), words);
          }),
          { numRuns: 25 },
        );
      });
    },
  });

  peerTest({
    name: `containerLine() runs the command itself through ${name}`,
    peer: needed,
    async fn() {
      await withPct(`shift 3; exec "$@"`, async (directory) => {
        await fc.assert(
          fc.asyncProperty(nastyText, async (text) => {
            const command = `printf %s ${shellQuote(text)}`;
            assert.equal(await run(shell, containerLine(101, command), directory), text);
          }),
          { numRuns: 25 },
        );
      });
    },
  });
}

Deno.test("hostLine() finds programs in /usr/sbin, after the PATH of the login", async () => {
  await withPct(`printf %s "$PATH"`, async (directory) => {
    const path = await run(["sh"], hostLine(["pct"]), directory);
    assert.equal(path, `${directory}:/usr/bin:/bin:/usr/sbin:/sbin`);
  });
});

Deno.test("termOnlyCommand() passes a line of the host on unchanged", async () => {
  await fc.assert(
    fc.asyncProperty(nastyText, async (text) => {
      const line = termOnlyCommand(hostLine(["printf", "%s", text]));
      assert.equal(await run(["sh"], line), text);
    }),
    { numRuns: 40 },
  );
});
