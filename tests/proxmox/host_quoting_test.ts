/** Command lines, run by the login shells that will read them. */
import assert from "node:assert/strict";
import fc from "../support/property.ts";
import { containerLine } from "../../src/proxmox/guests/container_exec.ts";
import { hostLine } from "../../src/proxmox/host.ts";
import { shellQuote } from "../../src/shell/quote.ts";
import { termOnlyCommand } from "../../src/ssh/worker/commands/term_only_command.ts";
import { LOGIN_SHELLS, nastyName, runLogin } from "../support/login_shells.ts";
import { peerTest } from "../peers/require.ts";
import { writeExecutable } from "../support/executable.ts";

/** Runs work with a `pct` on PATH that is the given script, in a directory in which nothing may appear. */
async function withPct(
  script: string,
  work: (env: { readonly PATH: string }, directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "mre_pct_" });
  try {
    await Deno.mkdir(`${directory}/bin`);
    await Deno.mkdir(`${directory}/empty`);
    writeExecutable(`${directory}/bin/pct`, `#!/bin/sh\n${script}\n`);
    await work({ PATH: `${directory}/bin:/usr/bin:/bin` }, `${directory}/empty`);
    assert.deepEqual([...Deno.readDirSync(`${directory}/empty`)], []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const words = fc.array(nastyName, { minLength: 1, maxLength: 15 });

for (const shell of LOGIN_SHELLS) {
  for (const wrap of [(line: string) => line, termOnlyCommand]) {
    peerTest({
      name:
        `hostLine()${wrap === termOnlyCommand ? " in termOnlyCommand()" : ""} passes its words ` +
        `to the program through ${shell.name}`,
      peer: shell.peer,
      async fn() {
        await withPct(`printf '%s\\0' "$@"`, async (env, directory) => {
          await fc.assert(
            fc.asyncProperty(words, async (given) => {
              const output = await runLogin(
                shell,
                wrap(hostLine(["pct", ...given])),
                directory,
                env,
              );
              assert.deepEqual(output.split("\0").slice(0, -1), given);
            }),
            { numRuns: 15 },
          );
        });
      },
    });
  }

  peerTest({
    name: `containerLine() runs the command itself through ${shell.name}`,
    peer: shell.peer,
    async fn() {
      await withPct(`shift 3; exec "$@"`, async (env, directory) => {
        await fc.assert(
          fc.asyncProperty(nastyName, async (text) => {
            const line = containerLine(101, `printf %s ${shellQuote(text)}`);
            assert.equal(await runLogin(shell, line, directory, env), `\x1estarted\n${text}`);
          }),
          { numRuns: 15 },
        );
      });
    },
  });
}

peerTest({
  name: "hostLine() finds programs in /usr/sbin, after the PATH of the login",
  peer: [],
  async fn() {
    await withPct(`printf %s "$PATH"`, async (env, directory) => {
      const [shell] = LOGIN_SHELLS;
      assert.ok(shell);
      const path = await runLogin(shell, hostLine(["pct"]), directory, env);
      assert.equal(path, `${env.PATH}:/usr/sbin:/sbin`);
    });
  },
});
