import assert from "node:assert/strict";
// @ts-types="@types/ssh2"
import type { Attributes, SFTPWrapper } from "ssh2";
import { signalName } from "../../src/ssh/worker/commands/exec.ts";
import { copy } from "../../src/ssh/worker/files/copy.ts";
import type { Sink, Source } from "../../src/ssh/worker/files/source_sink.ts";
import { TEMPORARY_NAME } from "../../src/ssh/worker/files/temporary_files.ts";
import { type HostAccess, openHostSource } from "../../src/ssh/worker/files/host_files.ts";
import { openHostSink } from "../../src/ssh/worker/files/host_sink.ts";
import { Sftp } from "../../src/ssh/worker/files/sftp/sftp.ts";
import { toStream } from "../../src/ssh/worker/files/files_server.ts";
import { hostTree, parseListed } from "../../src/ssh/worker/files/tree.ts";
import { isAlive } from "../fakes/ssh_host_client.ts";
import { pure } from "../support/pure.ts";
import { sessionTest, settingsOf } from "../support/session.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { startSshHost } from "../fakes/ssh_host.ts";
import { createLogger } from "../../src/log.ts";
import { RemoteHost } from "../../src/ssh/worker/remote_host.ts";
import { until } from "../support/until.ts";

const FILE = { mode: 0o100644, size: 10, mtime: 1, atime: 1, uid: 0, gid: 0 };
const DIRECTORY = { ...FILE, mode: 0o040755 };
const calm = () => new AbortController().signal;

type Answer = (...args: readonly unknown[]) => unknown;
interface Request {
  readonly name: string;
  readonly args: readonly unknown[];
}

/** A host with scripted answers to SFTP requests. An Error as answer means that the request fails. */
function lyingHost(answers: Readonly<Record<string, Answer>>) {
  const requests: Request[] = [];
  const sftp = new Proxy({}, {
    get: (_target, name: string) => (...given: unknown[]) => {
      const [args, done] = [given.slice(0, -1), given.at(-1) as (...values: unknown[]) => void];
      requests.push({ name, args });
      queueMicrotask(() => {
        const answer = answers[name]?.(...args);
        if (answer instanceof Error) done(answer);
        else done(undefined, answer);
      });
    },
  });
  return { sftp: new Sftp(sftp as unknown as SFTPWrapper), requests };
}

const missing = () => Object.assign(new Error("No such file"), { code: 2 });
const endOfList = () => Object.assign(new Error("EOF"), { code: 1 });

function help(sftp: Sftp): HostAccess {
  return {
    sftp,
    hash: () => Promise.resolve(undefined),
    mayRun: () => Promise.resolve(false),
    keep() {},
    drop() {},
    growingHash: () => undefined,
    isGuarded: () => Promise.resolve(true),
  };
}

const LIMITS = { maxEntries: 50, maxBytes: 1_000 };

for (const name of ["../escape", "/etc/passwd", "a/b", "", "nul\0", "a/../../b"]) {
  pure(`hostTree() refuses the file name ${JSON.stringify(name)}`, async () => {
    let turn = 0;
    const { sftp } = lyingHost({
      opendir: () => new Uint8Array(1),
      readdir: () => turn++ === 0 ? [{ filename: name, attrs: FILE }] : endOfList(),
    });
    await assert.rejects(hostTree(sftp, "d", LIMITS), {
      code: "io_error",
      message: /returned an invalid file name/,
    });
  });
}

pure("hostTree() stops when a host lists names forever", async () => {
  for (const entry of [{ filename: "x", attrs: FILE }, { filename: "d", attrs: DIRECTORY }]) {
    const { sftp, requests } = lyingHost({
      opendir: () => new Uint8Array(1),
      readdir: () => [entry],
    });
    await assert.rejects(hostTree(sftp, "d", LIMITS), { code: "too_large" });
    assert.ok(requests.length < 200, `${requests.length} requests`);
  }
  const { sftp, requests } = lyingHost({ opendir: () => new Uint8Array(1), readdir: () => [] });
  assert.deepEqual(await hostTree(sftp, "d", LIMITS), []);
  assert.ok(requests.length < 200, `${requests.length} requests`);
});

pure("an error of the host is one printable line of bounded length", async () => {
  const text = `\x1b[31mfailed\n[SUCCESS] File DOWNLOAD successful\n${"x".repeat(200_000)}`;
  const { sftp } = lyingHost({
    stat: () => FILE,
    open: () => Object.assign(new Error(text), { code: 4 }),
  });
  const opening = openHostSource(help(sftp), "a\n[SUCCESS] b", 1_000);
  await assert.rejects(opening, ({ message }: Error) => {
    assert.match(message, /^Cannot read a\\n\[SUCCESS\] b: .*failed \[SUCCESS\]/);
    assert.doesNotMatch(message, /\p{Cc}/u);
    assert.ok(message.length < 600, `${message.length} characters`);
    return true;
  });
});

pure("signalName() accepts only the names that a signal can have", () => {
  for (const name of ["KILL", "SIGKILL", "RTMIN-1@OPENSSH.COM"]) {
    assert.equal(signalName(name), name.replace(/^SIG/, ""));
  }
  for (const name of ["", "KILL\n=== EXIT CODE: 0 ===", "A".repeat(41), "ki ll", "KILL\n"]) {
    assert.equal(signalName(name), "UNKNOWN");
  }
  assert.equal(signalName(undefined), null);
});

pure(
  "hostTree() lists names and paths that cannot be opened as such, and shortens them",
  async () => {
    let turn = 0;
    const names = ["x".repeat(200_000), "é".repeat(128), "not \ufffd utf-8", "fine"];
    const { sftp } = lyingHost({
      opendir: () => new Uint8Array(1),
      readdir: () =>
        turn++ === 0 ? names.map((filename) => ({ filename, attrs: FILE })) : endOfList(),
    });
    const entries = await hostTree(sftp, "d", LIMITS);
    assert.deepEqual(entries.map(({ path, kind }) => [path, kind]), [
      ["fine", "file"],
      ["not \ufffd utf-8", "other"],
      [`${"x".repeat(60)}…`, "other"],
      [`${"é".repeat(60)}…`, "other"],
    ]);
  },
);

pure("hostTree() does not go below a path of 4,096 bytes", async () => {
  const opened: string[] = [];
  let turn = 0;
  const { sftp } = lyingHost({
    opendir: (path) => (opened.push(String(path)), new Uint8Array(1)),
    readdir: () =>
      turn++ % 2 === 0 ? [{ filename: "d".repeat(250), attrs: DIRECTORY }] : endOfList(),
  });
  const entries = await hostTree(sftp, "/r", LIMITS);
  assert.deepEqual([entries.length, entries.at(-1)?.kind], [17, "other"]);
  assert.ok(opened.every((path) => path.length < 4_096));
});

pure("hostTree() sends no further request once its call is cancelled", async () => {
  const call = new AbortController();
  let seen = 0;
  const { sftp, requests } = lyingHost({
    opendir: () => new Uint8Array(1),
    readdir: () => {
      if (++seen === 5) call.abort(new Error("cancelled"));
      return [];
    },
  });
  await assert.rejects(hostTree(sftp, "d", LIMITS, call.signal), /cancelled/);
  assert.equal(seen, 5);
  assert.ok(requests.length <= 7, `${requests.length} requests`);
});

pure("hostTree() counts entries when the host omits sizes", async () => {
  let turn = 0;
  const nameless: Partial<Attributes> = { mode: 0o100644 };
  const { sftp } = lyingHost({
    opendir: () => new Uint8Array(1),
    readdir: () =>
      turn++ > 0 ? endOfList() : [
        { filename: "a", attrs: nameless },
        { filename: "b", attrs: { ...FILE, size: 2_000 } },
      ],
  });
  await assert.rejects(hostTree(sftp, "d", LIMITS), { code: "too_large" });
});

pure("parseListed() refuses lines that a file name forges", () => {
  assert.equal(parseListed("81a4 5 0 ./a/b")?.path, "a/b");
  assert.equal(parseListed("81a4 5 0 ./..x")?.path, "..x");
  for (const path of ["../x", "a/../../x", "/etc/passwd", "a//b", "a/./b"]) {
    assert.throws(() => parseListed(`81a4 5 0 ./${path}`), { code: "io_error" }, path);
  }
});

pure("openHostSource() accepts no more bytes than it requested", async () => {
  for (const count of [300_000, -1, NaN, undefined, "7"]) {
    const { sftp } = lyingHost({
      stat: () => FILE,
      fstat: () => FILE,
      open: () => new Uint8Array(1),
      read: () => count,
    });
    const source = await openHostSource(help(sftp), "f", 1_000);
    await assert.rejects(async () => {
      for await (const chunk of source.chunks()) assert.ok(chunk.length <= 10);
    }, { code: "io_error" });
  }
});

pure("openHostSource() requires a regular file, whatever the host omits", async () => {
  const { sftp } = lyingHost({ stat: () => ({ size: 3 }), open: () => new Uint8Array(1) });
  await assert.rejects(openHostSource(help(sftp), "f", 1_000), { code: "not_a_file" });
});

pure("openHostSink() creates its file with mode 600 from the start", async () => {
  const { sftp, requests } = lyingHost({
    lstat: missing,
    stat: missing,
    open: () => new Uint8Array(1),
    fstat: () => FILE,
  });
  await openHostSink(help(sftp), "secret", { overwrite: false, mode: undefined });
  const opened = requests.filter(({ name }) => name === "open").map(({ args }) => args);
  const removed = requests.filter(({ name }) => name === "unlink").map(({ args }) => args[0]);
  const unsafe = opened.filter(([, , mode]) => mode !== 0o600).map(([path]) => path);
  assert.equal(opened.length, 2);
  assert.deepEqual(unsafe, [...new Set(removed)], "the only other file is empty and goes at once");
  assert.equal(requests.findIndex(({ name }) => name === "write"), -1);
});

pure(
  "openHostSink() leaves no file when the host refuses a request after opening",
  async () => {
    const { sftp, requests } = lyingHost({
      lstat: missing,
      stat: missing,
      open: () => new Uint8Array(1),
      fstat: () => FILE,
      fsetstat: () => new Error("no"),
    });
    await assert.rejects(openHostSink(help(sftp), "f", { overwrite: false, mode: 0o600 }));
    const made = requests.filter(({ name }) => name === "open").map(({ args }) => args[0]);
    const removed = requests.filter(({ name }) => name === "unlink").map(({ args }) => args[0]);
    assert.deepEqual(removed, made);
  },
);

for (const overwrite of [false, true]) {
  pure(
    `openHostSink() sets the mode before it renames the file (overwrite ${overwrite})`,
    async () => {
      let { mode } = FILE;
      const { sftp, requests } = lyingHost({
        lstat: () => overwrite ? FILE : missing(),
        stat: () => overwrite ? FILE : missing(),
        open: () => new Uint8Array(1),
        fstat: () => ({ ...FILE, mode }),
        fsetstat: (_handle, given) => void ({ mode } = { ...FILE, ...given as object }),
      });
      const sink = await openHostSink(help(sftp), "f", { overwrite, mode: 0o640 });
      await sink.write(new Uint8Array(10));
      await sink.commit({ size: 10, sha256: "" });
      const steps = requests.map(({ name, args }) =>
        name === "fsetstat" ? JSON.stringify(args[1]) : name
      );
      const named = overwrite ? "ext_openssh_rename" : "rename";
      assert.deepEqual(
        steps.filter((step) => step.startsWith("{") || step === "write" || step.includes("rename")),
        ['{"mode":384}', "write", '{"mode":416}', named],
      );
    },
  );
}

pure(
  "openHostSink() moves an old file aside under a name that the sweep does not remove",
  async () => {
    const { sftp, requests } = lyingHost({
      lstat: () => FILE,
      stat: () => FILE,
      open: () => new Uint8Array(1),
      fstat: () => FILE,
      ext_openssh_rename: () => new Error("Server does not support this extended request"),
    });
    const sink = await openHostSink(help(sftp), "f", { overwrite: true, mode: undefined });
    await sink.write(new Uint8Array(10));
    await sink.commit({ size: 10, sha256: "" });
    const [aside, named] = requests.filter(({ name }) => name === "rename").map(({ args }) => args);
    assert.deepEqual([aside?.[0], named?.[1]], ["f", "f"]);
    assert.match(String(named?.[0]), TEMPORARY_NAME);
    assert.doesNotMatch(String(aside?.[1]), TEMPORARY_NAME);
  },
);

const SOURCE: Source = {
  size: 1,
  path: "s",
  async *chunks() {
    yield await Promise.resolve(new Uint8Array(1));
  },
  close: () => Promise.resolve(),
};

pure("copy() discards a sink that opens after the caller has canceled", async () => {
  const controller = new AbortController();
  const opening = Promise.withResolvers<Sink>();
  const discarded = Promise.withResolvers<string>();
  const running = copy(SOURCE, () => opening.promise, {
    maxBytes: 10,
    stallMs: 60_000,
    signal: controller.signal,
    progress: undefined,
    sha256: undefined,
  });
  controller.abort();
  await assert.rejects(running, { code: "cancelled" });
  opening.resolve({
    path: "late",
    write: () => assert.fail("nothing is written"),
    commit: () => assert.fail("nothing is committed"),
    discard: () => Promise.resolve(discarded.resolve("discarded")),
  });
  assert.equal(await discarded.promise, "discarded");
});

pure("toStream() closes its source when reading fails", async () => {
  let closed = 0;
  const reader = toStream({
    ...SOURCE,
    // deno-lint-ignore require-yield
    async *chunks() {
      throw await Promise.resolve(new Error("the disk is broken"));
    },
    close: () => Promise.resolve(void closed++),
  }).getReader();
  await assert.rejects(reader.read(), /broken/);
  assert.equal(closed, 1);
});

sessionTest(
  "copy() returns at once on cancellation when the host does not answer about its source",
  async ({ session, exec, host }) => {
    await exec("echo x > f");
    host.freeze();
    const controller = new AbortController();
    const request = {
      from: { kind: "host", path: "f" },
      to: { kind: "local", path: "f" },
      maxBytes: 10,
      overwrite: false,
    } as const;
    const startedAt = performance.now();
    const running = session.copy(request, controller.signal, undefined);
    controller.abort();
    await assert.rejects(running, { code: "cancelled" });
    const where = { kind: "host", path: "f" } as const;
    const limit = AbortSignal.timeout(100);
    for (const call of [session.stat(where, limit), session.tree(where, LIMITS, limit)]) {
      await assert.rejects(call, { code: "cancelled" });
    }
    // Without the cancellation, each of the three would wait for 30 seconds.
    assert.ok(performance.now() - startedAt < 20_000);
    host.dropConnections();
    host.thaw();
    assert.equal((await session.stat({ kind: "host", path: "f" }, calm())).size, 2);
  },
);

sessionTest(
  "exec() leaves no child that ignores TERM and redirects its output, even without a guard",
  async ({ exec, host }) => {
    const child = `trap "" TERM; echo $$ > pid; while :; do sleep 0.1; done`;
    const cancel = new AbortController();
    const running = exec(`sh -c '${child}' > out 2>&1 & wait`, { signal: cancel.signal });
    const pid = `${host.directory}/pid`;
    await until("the child", async () => (await Deno.readTextFile(pid).catch(() => "")) !== "");
    // When the second command is answered, the start of the first one is known here.
    await exec("true");
    cancel.abort();
    await running;
    await until("its end", () => !isAlive(Number(Deno.readTextFileSync(pid))));
  },
);

Deno.test("diagnose() brings no control character of the host to the terminal", async () => {
  using root = temporaryDirectory();
  const directory = `${root.path}/a\x1b[2J\r\nok   forged`;
  for (const path of [directory, `${root.path}/work`]) Deno.mkdirSync(path);
  await using host = await startSshHost({ directory });
  const logger = createLogger("error");
  const session = new RemoteHost(settingsOf(host, `${root.path}/work`), logger);
  try {
    const checks = await session.diagnose();
    const shown = checks.find(({ step }) => step === "SFTP")?.detail;
    assert.match(shown ?? "", /a\\x1b\[2J\\r\\nok {3}forged$/);
    for (const { step, detail } of checks) assert.doesNotMatch(detail, /\p{Cc}/u, step);
  } finally {
    await session.close(1_000);
  }
});
