/** The scripts for files that SFTP cannot reach, run in different shells. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { RemoteExecError } from "../../../../../src/errors.ts";
import { readScript } from "../../../../../src/ssh/worker/files/shell/file_scripts.ts";
import type { Endpoint } from "../../../../../src/ssh/port.ts";
import { until } from "../../../../support/until.ts";
import { sessionTest } from "../../../../support/session.ts";
import { scriptTest } from "./script_shells.ts";
import { writeExecutable } from "../../../../support/executable.ts";

const CONTENT = "new content\n";
const HASH = createHash("sha256").update(CONTENT).digest("hex");
const SHA256SUM = "/usr/bin/sha256sum";

scriptTest(
  "readScript() prints the sha256 of the complete file after its content",
  async (shell) => {
    const path = `${shell.dir}/old`;
    Deno.writeTextFileSync(path, CONTENT);
    const read = (from: number, to?: number) => shell.run(readScript(path, 1_000, from, to));
    const { dev, ino } = Deno.statSync(path);
    const identity = `${dev}:${ino}`;
    assert.match(
      await read(0),
      new RegExp(`^S 12 \\S+ \\d+ ${identity}\nnew content\nH \nI ${identity}\n$`),
    );
    shell.provide("sha256sum", SHA256SUM);
    const whole = new RegExp(
      `^S 12 \\S+ \\d+ ${identity}\nnew content\nH ${HASH}.*\nI ${identity}\n$`,
    );
    assert.match(await read(0), whole);
    assert.match(await read(4, 8), /^S 12 \S+ \d+ \d+:\d+\ncont$/);
  },
  ["sh"],
);

scriptTest("readScript() reads a file of /sys, whose size is wrong, to its end", async (shell) => {
  const answer = await shell.run(readScript("/sys/class/net/lo/mtu", 1_000_000, 0, undefined));
  const content = Deno.readTextFileSync("/sys/class/net/lo/mtu");
  assert.match(answer.replace(content, "content"), /^S 0 \S+ \d+ \d+:\d+\ncontent$/);
});

sessionTest(
  "a file that cannot be read is not copied as an empty one",
  async ({ session, directory }) => {
    // EINVAL for the loopback device, EIO.
    for (const path of ["/sys/class/net/lo/speed", "/proc/self/mem"]) {
      const from = { kind: "shell", prefix: "env A=1", path, label: "container 101" } as const;
      const to = { kind: "local", path: "copy" } as const;
      const { signal } = new AbortController();
      const copying = session.copy(
        { from, to, maxBytes: 100_000, overwrite: true },
        signal,
        undefined,
      );
      await assert.rejects(copying, { code: "io_error" });
      assert.equal(exists(`${directory}/copy`), false);
    }
  },
);

/** An endpoint whose command finds only these programs. */
function endpoint(directory: string, programs: Readonly<Record<string, string>>): Endpoint {
  Deno.mkdirSync(`${directory}/bin`);
  for (
    const [name, text] of Object.entries({ sh: '#!/bin/sh\nexec /bin/sh "$@"\n', ...programs })
  ) {
    writeExecutable(`${directory}/bin/${name}`, text);
  }
  const prefix = `env PATH=${directory}/bin`;
  return { kind: "shell", prefix, path: "/etc", label: "container 101" };
}

sessionTest(
  "a copy is that of the file that was opened, when a longer one takes its place",
  async ({ session, directory }) => {
    const [path, other] = [`${directory}/file`, `${directory}/other`];
    Deno.writeTextFileSync(path, "short");
    Deno.writeTextFileSync(other, "a longer one");
    const programs = Object.fromEntries(
      ["stat", "wc", "sha256sum"].map((name) => [name, `#!/bin/sh\nexec /usr/bin/${name} "$@"\n`]),
    );
    const head = `#!/bin/sh\n/bin/mv ${other} ${path} 2>/dev/null\nexec /usr/bin/head "$@"\n`;
    const from = { ...endpoint(directory, { ...programs, head }), path } as const;
    const to = { kind: "local", path: "copy" } as const;
    const { sha256 } = await session.copy(
      { from, to, maxBytes: 100_000, overwrite: true },
      new AbortController().signal,
      undefined,
    );
    assert.equal(Deno.readTextFileSync(path), "a longer one");
    assert.equal(Deno.readTextFileSync(`${directory}/copy`), "short");
    assert.equal(sha256, createHash("sha256").update("short").digest("hex"));
  },
);

const LIMITS = { maxEntries: 100, maxBytes: 100_000 };
const hasCode = (code: string) => (error: unknown) =>
  error instanceof RemoteExecError && error.code === code;

sessionTest("tree() fails when no program lists the directory", async ({ session, directory }) => {
  const { signal } = new AbortController();
  const find = "#!/bin/sh\nexit 127\n";
  const tree = session.tree(endpoint(directory, { find, stat: find }), LIMITS, signal);
  await assert.rejects(tree, hasCode("io_error"));
});

sessionTest("tree() names a program that is missing", async ({ session, directory }) => {
  const { signal } = new AbortController();
  const tree = session.tree(endpoint(directory, {}), LIMITS, signal);
  await assert.rejects(tree, {
    code: "unsupported",
    message: 'Cannot transfer /etc: container 101 has no program "find"',
  });
});

sessionTest("tree() skips entries that disappear meanwhile", async ({ session, directory }) => {
  const { signal } = new AbortController();
  const find = '#!/bin/sh\necho "81a4 1 0 ./a"\nexit 1\n';
  const entries = await session.tree(endpoint(directory, { find, stat: find }), LIMITS, signal);
  assert.equal(entries.length, 1);
});

sessionTest("tree() fails when the connection is cut", async ({ session, directory }) => {
  const { signal } = new AbortController();
  const find = `#!/bin/sh\necho "81a4 1 0 ./a"\necho >${directory}/begun\nexec /bin/sleep 60\n`;
  const tree = session.tree(endpoint(directory, { find, stat: find }), LIMITS, signal);
  const failed = assert.rejects(tree, hasCode("connection_lost"));
  await until("it lists", () => Deno.statSync(directory) && exists(`${directory}/begun`));
  await session.close(500);
  await failed;
});

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

sessionTest("a download fails when the host reports another hash", async (place) => {
  const { session, directory } = place;
  const sh = `#!/bin/sh\nprintf "\\036started\\n"\necho "S 3 81a4 0"\nprintf abc\necho "H ${
    "0".repeat(64)
  }"\necho "I "\n`;
  const from = endpoint(directory, { sh });
  const to = { kind: "local", path: `${directory}/got` } as const;
  const { signal } = new AbortController();
  const copying = session.copy({ from, to, maxBytes: 10, overwrite: false }, signal, undefined);
  await assert.rejects(copying, hasCode("verification_failed"));
  assert.equal(exists(`${directory}/got`), false);
});
