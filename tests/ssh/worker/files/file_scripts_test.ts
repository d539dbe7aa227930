/** The scripts for files that SFTP cannot reach, run in different shells. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { RemoteExecError } from "../../../../src/errors.ts";
import {
  readScript,
  writeScript,
  type WriteScriptOptions,
} from "../../../../src/ssh/worker/files/file_scripts.ts";
import type { Endpoint } from "../../../../src/ssh/port.ts";
import { until } from "../../../support/until.ts";
import { sessionTest } from "../../../support/session.ts";
import { temporaryDirectory } from "../../../support/temporary_directory.ts";
import { BUSYBOX, peerTest } from "../../../peers/require.ts";

const CONTENT = "new content\n";
const HASH = createHash("sha256").update(CONTENT).digest("hex");

interface Shell {
  /** A directory with the file `old` in it. */
  readonly dir: string;
  /** Installs a program for the scripts; without `to`, one that fails. */
  provide(name: string, to?: string): void;
  /** Returns the output of a script. */
  run(script: string, stdin?: string): Promise<string>;
  names(): string[];
}

const SHELLS = { "sh": "/bin/sh", "busybox sh": "/usr/bin/busybox" } as const;
type Kind = keyof typeof SHELLS;

/** @param kinds without busybox if a program must be missing: its shell has all programs built in */
function scriptTest(
  name: string,
  work: (shell: Shell) => Promise<void>,
  kinds: readonly Kind[] = ["sh", "busybox sh"],
): void {
  for (const kind of kinds) {
    const fn = async () => {
      using root = temporaryDirectory();
      const bin = `${root.path}/bin`;
      const dir = `${root.path}/dir`;
      for (const path of [bin, dir]) Deno.mkdirSync(path);
      Deno.writeTextFileSync(`${dir}/old`, "old content");
      const provide: Shell["provide"] = (program, to = "/bin/false") =>
        Deno.symlinkSync(to, `${bin}/${program}`);
      provide("sh", SHELLS[kind]);
      const tools = "readlink dd wc stat dirname chown chmod mv rm head tail cut";
      for (const tool of tools.split(" ")) {
        provide(tool, kind === "sh" ? `/usr/bin/${tool}` : SHELLS["busybox sh"]);
      }
      await work({ dir, provide, run: (script, stdin = "") => run(bin, script, stdin), names });

      function names(): string[] {
        return Array.from(Deno.readDirSync(dir), ({ name }) => name).toSorted();
      }
    };
    peerTest({ name: `${name} (${kind})`, peer: kind === "busybox sh" ? BUSYBOX : [], fn });
  }
}

async function run(bin: string, script: string, stdin: string): Promise<string> {
  const child = new Deno.Command(`${bin}/sh`, {
    args: ["-c", script],
    clearEnv: true,
    env: { PATH: bin },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  // A script that refuses at once does not read its stdin.
  await writer.write(new TextEncoder().encode(stdin)).then(() => writer.close()).catch(() => {});
  return new TextDecoder().decode((await child.output()).stdout);
}

const write = (path: string, more: Partial<WriteScriptOptions> = {}) =>
  writeScript({
    ...{ path, temporaryName: ".tmp-1", size: CONTENT.length, overwrite: true, mode: undefined },
    ...more,
  });

const SHA256SUM = "/usr/bin/sha256sum";

scriptTest("writeScript() renames the file when size and sha256 match", async (shell) => {
  shell.provide("sha256sum", SHA256SUM);
  shell.provide("ln", "/usr/bin/ln");
  const stdin = `${CONTENT}${HASH}\n`;
  assert.equal(await shell.run(write(`${shell.dir}/old`), stdin), `K\nD ${HASH} 644 644\n`);
  const fresh = write(`${shell.dir}/fresh`, { overwrite: false });
  assert.equal(await shell.run(fresh, stdin), `K\nD ${HASH} 644 644\n`);
  assert.equal(await shell.run(fresh, stdin), "E exists\n");
  for (const name of ["old", "fresh"]) {
    assert.equal(Deno.readTextFileSync(`${shell.dir}/${name}`), CONTENT);
  }
  assert.deepEqual(shell.names(), ["fresh", "old"]);
});

scriptTest("writeScript() keeps the old file when the content does not match", async (shell) => {
  shell.provide("sha256sum", SHA256SUM);
  const other = "new c0ntent\n";
  const stored = createHash("sha256").update(other).digest("hex");
  for (const name of ["old", "fresh"]) {
    const answer = await shell.run(write(`${shell.dir}/${name}`), `${other}${HASH}\n`);
    assert.equal(answer, `K\nE hash ${stored}\n`);
  }
  assert.equal(Deno.readTextFileSync(`${shell.dir}/old`), "old content");
  assert.deepEqual(shell.names(), ["old"]);
});

scriptTest("writeScript() leaves no file when stdin ends early", async (shell) => {
  shell.provide("sha256sum", SHA256SUM);
  const path = `${shell.dir}/old`;
  assert.equal(await shell.run(write(path), CONTENT), "K\n");
  assert.equal(await shell.run(write(path), CONTENT.slice(1)), "K\n");
  assert.equal(await shell.run(write(path)), "K\n");
  assert.equal(Deno.readTextFileSync(path), "old content");
  assert.deepEqual(shell.names(), ["old"]);
});

scriptTest("writeScript() reports that there is no hash tool", async (shell) => {
  const answer = await shell.run(write(`${shell.dir}/old`), `${CONTENT}${HASH}\n`);
  assert.equal(answer, "K\nD - 644 644\n");
  assert.equal(Deno.readTextFileSync(`${shell.dir}/old`), CONTENT);
}, ["sh"]);

scriptTest("writeScript() distinguishes a failed rename from a full disk", async (shell) => {
  shell.provide("ln"); // as on a file system without hard links
  const stdin = `${CONTENT}${HASH}\n`;
  const fresh = write(`${shell.dir}/fresh`, { overwrite: false });
  assert.equal(await shell.run(fresh, stdin), "K\nE name\n");
  for (const overwrite of [false, true]) {
    assert.equal(await shell.run(write(`${shell.dir}/new/`, { overwrite }), stdin), "E slash\n");
  }
  assert.deepEqual(shell.names(), ["old"]);
}, ["sh"]);

scriptTest(
  "readScript() prints the sha256 of the complete file after its content",
  async (shell) => {
    const path = `${shell.dir}/old`;
    Deno.writeTextFileSync(path, CONTENT);
    const read = (from: number, to?: number) => shell.run(readScript(path, 1_000, from, to));
    assert.match(await read(0), /^S 12 \S+ \d+\nnew content\nH \n$/);
    shell.provide("sha256sum", SHA256SUM);
    assert.match(await read(0), new RegExp(`^S 12 \\S+ \\d+\nnew content\nH ${HASH}.*\n$`));
    assert.match(await read(4, 8), /^S 12 \S+ \d+\ncont$/);
  },
  ["sh"],
);

scriptTest("readScript() reads a file of /sys, whose size is wrong, to its end", async (shell) => {
  const answer = await shell.run(readScript("/sys/class/net/lo/mtu", 1_000_000, 0, undefined));
  assert.match(answer, /^S 0 \S+ \d+\n65536\n$/);
});

/** An endpoint whose command finds only these programs. */
function endpoint(directory: string, programs: Readonly<Record<string, string>>): Endpoint {
  Deno.mkdirSync(`${directory}/bin`);
  for (
    const [name, text] of Object.entries({ sh: '#!/bin/sh\nexec /bin/sh "$@"\n', ...programs })
  ) {
    Deno.writeTextFileSync(`${directory}/bin/${name}`, text, { mode: 0o755 });
  }
  const prefix = `env PATH=${directory}/bin`;
  return { kind: "shell", prefix, path: "/etc", label: "container 101" };
}

const LIMITS = { maxEntries: 100, maxBytes: 1_000 };
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
  }"\n`;
  const from = endpoint(directory, { sh });
  const to = { kind: "local", path: `${directory}/got` } as const;
  const { signal } = new AbortController();
  const copying = session.copy({ from, to, maxBytes: 10, overwrite: false }, signal, undefined);
  await assert.rejects(copying, hasCode("verification_failed"));
  assert.equal(exists(`${directory}/got`), false);
});
