import assert from "node:assert/strict";
import { hostPath } from "../../../../src/ssh/worker/files/host_files.ts";
import type { CopyRequest } from "../../../../src/ssh/port.ts";
import { content } from "../../../fakes/ssh_host_client.ts";
import { pure } from "../../../support/pure.ts";
import { type SessionPlace, sessionTest } from "../../../support/session.ts";
import { until } from "../../../support/until.ts";

const calm = () => new AbortController().signal;
const namesIn = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();
const modeOf = (path: string) => (Deno.statSync(path).mode ?? 0) & 0o7777;

type More = Partial<Pick<CopyRequest, "overwrite" | "mode" | "maxBytes" | "sha256">> & {
  readonly signal?: AbortSignal;
};

const upload = ({ session }: SessionPlace, from: string, to: string, more: More = {}) => {
  const { signal = calm(), ...rest } = more;
  return session.copy(
    {
      from: { kind: "local", path: from },
      to: { kind: "host", path: to },
      maxBytes: 100_000_000,
      overwrite: false,
      ...rest,
    },
    signal,
    undefined,
  );
};

const download = ({ session }: SessionPlace, from: string, to: string, more: More = {}) => {
  const { signal = calm(), ...rest } = more;
  return session.copy(
    {
      from: { kind: "host", path: from },
      to: { kind: "local", path: to },
      maxBytes: 100_000_000,
      overwrite: false,
      ...rest,
    },
    signal,
    undefined,
  );
};

pure("hostPath() starts ~ and relative paths at the login directory", () => {
  const cases = [
    ["/etc/x", "/etc/x"],
    ["a/b", "a/b"],
    ["~", "."],
    ["~/", "."],
    ["~/a", "a"],
    ["~//a", "a"],
    ["~user/a", "~user/a"],
    ["v1..2", "v1..2"],
  ] as const;
  for (const [path, expected] of cases) assert.equal(hostPath(path), expected, path);
});

pure("hostPath() refuses empty paths, NUL and .. components", () => {
  for (const path of ["", "a\0b", "..", "../a", "a/../b", "a/..", "/.."]) {
    assert.throws(() => hostPath(path), { code: "invalid_argument" }, path);
  }
});

sessionTest("copy() copies files of all sizes both ways, verified by sha256", async (place) => {
  for (const size of [0, 1, 255 * 1024, 255 * 1024 + 1, 5_000_003]) {
    const bytes = content(size);
    Deno.writeFileSync(`${place.directory}/up`, bytes);
    const up = await upload(place, "up", `there${size}`);
    assert.equal(up.bytes, size);
    if (size > 0) assert.equal(up.verified, "sha256");
    const down = await download(place, `there${size}`, `down${size}`);
    assert.equal(down.sha256, up.sha256);
    assert.ok(bytes.equals(Deno.readFileSync(`${place.directory}/down${size}`)));
  }
  assert.deepEqual(namesIn(place.host.directory).filter((name) => name.endsWith(".part")), []);
});

sessionTest("copy() accepts unusual names on both sides", async (place) => {
  for (
    const name of [
      "with blank",
      "quo'te\"s",
      "new\nline",
      "back\\slash",
      "-rf",
      "*",
      "ü€😀",
      "$HOME",
      "~x",
    ]
  ) {
    Deno.writeTextFileSync(`${place.directory}/f`, name);
    const { verified } = await upload(place, "f", name);
    assert.equal(verified, "sha256", name);
    assert.equal(Deno.readTextFileSync(`${place.host.directory}/${name}`), name);
    assert.equal((await download(place, name, `d ${name}`)).verified, "sha256", name);
  }
});

sessionTest("copy() accepts a name of 255 bytes", async (place) => {
  Deno.writeTextFileSync(`${place.directory}/f`, "x");
  for (const name of ["x".repeat(255), "€".repeat(85)]) {
    await upload(place, "f", name);
    assert.ok(namesIn(place.host.directory).includes(name));
  }
});

sessionTest(
  "copy() uses the umask's mode, the replaced file's mode, or the requested mode",
  async (place) => {
    const { directory } = place.host;
    Deno.writeTextFileSync(`${place.directory}/f`, "x");
    await upload(place, "f", "new");
    assert.equal(modeOf(`${directory}/new`), 0o644);
    Deno.chmodSync(`${directory}/new`, 0o751);
    await upload(place, "f", "new", { overwrite: true });
    assert.equal(modeOf(`${directory}/new`), 0o751);
    for (const mode of [0o600, 0o777, 0]) {
      await upload(place, "f", "new", { overwrite: true, mode });
      assert.equal(modeOf(`${directory}/new`), mode);
    }
  },
);

sessionTest("copy() replaces the target of a link and keeps the link", async (place) => {
  const { directory } = place.host;
  Deno.mkdirSync(`${directory}/deep`);
  Deno.writeTextFileSync(`${directory}/deep/real`, "old");
  Deno.symlinkSync("deep/real", `${directory}/link`);
  Deno.writeTextFileSync(`${place.directory}/f`, "new");
  await upload(place, "f", "link", { overwrite: true });
  assert.equal(Deno.readLinkSync(`${directory}/link`), "deep/real");
  assert.equal(Deno.readTextFileSync(`${directory}/deep/real`), "new");
});

sessionTest(
  "copy() never replaces a file without overwrite, even one that appears meanwhile",
  async (place) => {
    Deno.writeFileSync(`${place.directory}/f`, content(4_000_000));
    place.host.setFault({ writeDelayMs: 20 });
    const call = upload(place, "f", "g");
    // Made after the upload has checked the name.
    const isPart = (name: string) => name.endsWith(".part");
    await until("the temporary file", () => namesIn(place.host.directory).some(isPart));
    Deno.writeTextFileSync(`${place.host.directory}/g`, "somebody else's");
    await assert.rejects(call, { code: "already_exists" });
    assert.equal(Deno.readTextFileSync(`${place.host.directory}/g`), "somebody else's");
    assert.deepEqual(namesIn(place.host.directory), ["g"]);
  },
);

sessionTest("copy() keeps the old file when the connection is cut in the middle", async (place) => {
  const { host } = place;
  Deno.writeFileSync(`${place.directory}/f`, content(3_000_000));
  Deno.writeTextFileSync(`${host.directory}/g`, "old");
  host.setFault({ cutAfterBytesWritten: 1_000_000 });
  await assert.rejects(upload(place, "f", "g", { overwrite: true }), (error: { code: string }) => {
    assert.ok(["connection_lost", "io_error"].includes(error.code), error.code);
    return true;
  });
  assert.equal(Deno.readTextFileSync(`${host.directory}/g`), "old");
  host.setFault({});
  await upload(place, "f", "g", { overwrite: true });
  assert.equal(Deno.statSync(`${host.directory}/g`).size, 3_000_000);
});

sessionTest(
  "copy() keeps the old local file when a download is cut in the middle",
  async (place) => {
    Deno.writeFileSync(`${place.host.directory}/g`, content(3_000_000));
    Deno.writeTextFileSync(`${place.directory}/f`, "old");
    place.host.setFault({ cutAfterBytesRead: 1_000_000 });
    await assert.rejects(download(place, "g", "f", { overwrite: true }));
    assert.equal(Deno.readTextFileSync(`${place.directory}/f`), "old");
    assert.deepEqual(namesIn(place.directory), ["f"]);
  },
);

sessionTest(
  "copy() reports a full disk, removes the temporary file and keeps the old file",
  async (place) => {
    Deno.writeFileSync(`${place.directory}/f`, content(3_000_000));
    Deno.writeTextFileSync(`${place.host.directory}/g`, "old");
    place.host.setFault({ diskFullAfterBytes: 1_000_000 });
    await assert.rejects(
      upload(place, "f", "g", { overwrite: true }),
      (error: { code: string }) => {
        assert.ok(["disk_full", "io_error"].includes(error.code), error.code);
        return true;
      },
    );
    assert.deepEqual(namesIn(place.host.directory), ["g"]);
    assert.equal(Deno.readTextFileSync(`${place.host.directory}/g`), "old");
  },
);

sessionTest("copy() detects one wrongly stored byte and discards the file", async (place) => {
  Deno.writeFileSync(`${place.directory}/f`, content(2_000_000));
  place.host.setFault({ corruptByteAt: 1_234_567 });
  await assert.rejects(upload(place, "f", "g"), { code: "verification_failed" });
  assert.deepEqual(namesIn(place.host.directory), []);
});

{
  const lines: string[] = [];
  const answerExec = (line: string) => {
    lines.push(line);
    return "start" as const;
  };
  sessionTest("copy() hashes a large file on the host while it is written", async (place) => {
    const bytes = content(60_000_000);
    Deno.writeFileSync(`${place.directory}/f`, bytes);
    assert.equal((await upload(place, "f", "g")).verified, "sha256");
    assert.deepEqual([isGrowing, isAfterwards].map((is) => lines.filter(is).length), [1, 0]);
    assert.ok(bytes.equals(Deno.readFileSync(`${place.host.directory}/g`)));
    // A byte of what was hashed before the end.
    place.host.setFault({ corruptByteAt: 1_234_567 });
    await assert.rejects(upload(place, "f", "h"), { code: "verification_failed" });
    assert.deepEqual(namesIn(place.host.directory), ["g"]);
  }, { host: { answerExec } });
}

const isGrowing = (line: string) => line.includes("read -r n");
const isAfterwards = (line: string) => line.includes("head -c");

sessionTest("copy() hashes a large file afterwards where dd fails", async (place) => {
  Deno.writeFileSync(`${place.directory}/f`, content(60_000_000));
  assert.equal((await upload(place, "f", "g")).verified, "sha256");
}, { host: hostWithout(["dd"]) });

sessionTest("copy() hashes a large file afterwards if it cannot do so meanwhile", async (place) => {
  Deno.writeFileSync(`${place.directory}/f`, content(60_000_000));
  assert.equal((await upload(place, "f", "g")).verified, "sha256");
}, { host: { answerExec: (line) => isGrowing(line) ? "refuse" : "start" } });

sessionTest("copy() is verified by size on a host without a tool for sha256", async (place) => {
  Deno.writeTextFileSync(`${place.directory}/f`, "x");
  assert.equal((await upload(place, "f", "g")).verified, "size");
  assert.equal((await download(place, "g", "h")).verified, "size");
}, { host: hostWithout(["sha256sum", "shasum", "openssl"]) });

sessionTest("copy() is verified by size on a host that runs no commands", async (place) => {
  Deno.writeTextFileSync(`${place.directory}/f`, "x");
  assert.equal((await upload(place, "f", "g")).verified, "size");
  assert.equal((await download(place, "g", "h")).verified, "size");
}, { host: { answerExec: () => "refuse" } });

/** A host on which these programs fail. */
function hostWithout(programs: readonly string[]) {
  const directory = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "mre_bare_" }));
  globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  for (const name of programs) {
    Deno.writeTextFileSync(`${directory}/${name}`, "#!/bin/sh\nexit 1\n");
    Deno.chmodSync(`${directory}/${name}`, 0o755);
  }
  return { env: { PATH: directory } };
}

sessionTest("copy() replaces a file on a host without posix-rename", async (place) => {
  const { host } = place;
  Deno.writeTextFileSync(`${place.directory}/f`, "new");
  Deno.writeTextFileSync(`${host.directory}/g`, "old");
  host.setFault({ refusePosixRename: true });
  await upload(place, "f", "g", { overwrite: true });
  assert.equal(Deno.readTextFileSync(`${host.directory}/g`), "new");
  assert.deepEqual(namesIn(host.directory), ["g"]);
});

sessionTest("copy() reports that the host has no SFTP", async (place) => {
  place.host.setFault({ refuseSubsystem: true });
  Deno.writeTextFileSync(`${place.directory}/f`, "x");
  await assert.rejects(upload(place, "f", "g"), { code: "unsupported" });
  assert.equal((await place.exec("echo fine")).stdout.text, "fine\n");
});

sessionTest("copy() reports what cannot be read or written on the host", async (place) => {
  const { directory } = place.host;
  Deno.mkdirSync(`${directory}/d`);
  await new Deno.Command("mkfifo", { args: [`${directory}/fifo`] }).output();
  Deno.symlinkSync("nothing", `${directory}/dangling`);
  Deno.writeTextFileSync(`${place.directory}/f`, "x");
  const reads = [
    ["none", "not_found"],
    ["d", "is_directory"],
    ["fifo", "not_a_file"],
    ["dangling", "not_found"],
    ["/dev/zero", "not_a_file"],
  ] as const;
  for (const [path, code] of reads) {
    await assert.rejects(download(place, path, "x"), { code }, path);
  }
  const writes = [["none/f", "not_found"], ["d", "is_directory"], ["fifo", "not_a_file"]] as const;
  for (const [path, code] of writes) {
    await assert.rejects(upload(place, "f", path, { overwrite: true }), { code }, path);
  }
  await assert.rejects(upload(place, "f", "none/f"), /the directory none does not exist/);
  assert.deepEqual(namesIn(place.directory), ["f"]);
});

sessionTest("copy() reads a file of /proc to its end, within the limit", async (place) => {
  const { bytes } = await download(place, "/proc/self/status", "status");
  assert.ok(bytes > 100);
  await assert.rejects(download(place, "/proc/self/status", "s2", { maxBytes: 50 }), {
    code: "too_large",
  });
});

sessionTest("copy() returns the path of the written file", async (place) => {
  Deno.writeTextFileSync(`${place.directory}/f`, "x");
  const { path } = await upload(place, "f", "g");
  assert.match(path, /g$/);
  assert.equal((await download(place, "g", "h")).path, `${place.directory}/h`);
});

sessionTest(
  "stat() returns kind, size, mode and path, links followed",
  async ({ session, host }) => {
    Deno.writeTextFileSync(`${host.directory}/f`, "12345");
    Deno.chmodSync(`${host.directory}/f`, 0o640);
    Deno.symlinkSync("f", `${host.directory}/link`);
    const facts = await session.stat({ kind: "host", path: "~/link" }, calm());
    assert.deepEqual([facts.kind, facts.size, facts.mode, facts.path], [
      "file",
      5,
      0o640,
      `${host.directory}/f`,
    ]);
    await assert.rejects(session.stat({ kind: "host", path: "none" }, calm()), {
      code: "not_found",
    });
  },
);

sessionTest("copies and commands share the connection and run at once", async (place) => {
  Deno.writeFileSync(`${place.directory}/f`, content(1_000_000));
  await Promise.all([
    ...[1, 2, 3, 4].map((turn) => upload(place, "f", `g${turn}`)),
    ...[1, 2, 3, 4].map(() => place.exec("sleep 0.05")),
  ]);
  assert.deepEqual(namesIn(place.host.directory), ["g1", "g2", "g3", "g4"]);
});

sessionTest(
  "reading from a shell endpoint releases its session when it is canceled",
  async (place) => {
    const { session, host } = place;
    Deno.writeFileSync(`${host.directory}/f`, content(3_000_000));
    const from = {
      kind: "shell",
      prefix: "env",
      path: `${host.directory}/f`,
      label: "it",
    } as const;
    for (let turn = 0; turn < 12; turn++) {
      const source = await session.openSource(from, 1e9, new AbortController().signal);
      const chunks = source.chunks()[Symbol.asyncIterator]();
      await chunks.next();
      chunks.return?.()?.catch(() => {});
      await source.close();
    }
    assert.equal((await place.exec("echo on")).stdout.text, "on\n");
    assert.equal(host.connectionCount(), 1);
  },
);

sessionTest(
  "copy() reports a host that allows no sessions, and stops trying",
  async (place) => {
    Deno.writeFileSync(`${place.directory}/f`, content(10));
    await assert.rejects(upload(place, "f", "g"), { code: "unsupported", message: /MaxSessions/ });
    assert.ok(place.host.sessionsRefused() <= 30, `${place.host.sessionsRefused()} refusals`);
  },
  { host: { maxSessions: 0 } },
);

sessionTest("concurrent first calls share one SFTP session", async (place) => {
  const { session, host } = place;
  Deno.writeTextFileSync(`${host.directory}/f`, "f");
  const never = new AbortController().signal;
  await Promise.all(
    [1, 2, 3, 4, 5, 6].map(() => session.stat({ kind: "host", path: "f" }, never)),
  );
  assert.ok(host.sessionsPeak() <= 2, `${host.sessionsPeak()} sessions`);
  assert.deepEqual((await place.exec("echo on")).stdout.text, "on\n");
});

for (const maxSessions of [1, 2, 3]) {
  sessionTest(`copy() works on a host that allows ${maxSessions} sessions`, async (place) => {
    Deno.writeFileSync(`${place.directory}/f`, content(1_000_000));
    await upload(place, "f", "g");
    await place.exec("true");
    await download(place, "g", "h");
    assert.equal(Deno.statSync(`${place.directory}/h`).size, 1_000_000);
  }, { host: { maxSessions } });
}

sessionTest("copy() ends on cancellation and keeps the old file", async (place) => {
  Deno.writeFileSync(`${place.directory}/f`, content(6_000_000));
  Deno.writeTextFileSync(`${place.host.directory}/g`, "old");
  place.host.setFault({ writeDelayMs: 30 });
  const controller = new AbortController();
  const call = upload(place, "f", "g", { overwrite: true, signal: controller.signal });
  await until("the temporary file", () => namesIn(place.host.directory).length === 2);
  controller.abort();
  await assert.rejects(call, { code: "cancelled" });
  assert.equal(Deno.readTextFileSync(`${place.host.directory}/g`), "old");
});
