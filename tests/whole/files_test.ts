import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { content } from "../fakes/ssh_host_client.ts";
import { type Place, startPlace } from "../support/places.ts";
import { type Connected, connectServer } from "../support/server.ts";

function filesTest(
  name: string,
  run: (server: Connected, place: Place) => Promise<void>,
  env: Record<string, string> = {},
): void {
  Deno.test(name, async () => {
    await using place = await startPlace();
    await using server = await connectServer({
      env: { ...place.env, ...env },
      cwd: place.directory,
    });
    await run(server, place);
  });
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const mode = (path: string) => (Deno.statSync(path).mode ?? 0) & 0o7777;

filesTest(
  "ssh_upload_file() and ssh_download_file() carry a file both ways",
  async (server, place) => {
    const bytes = content(3_000_001);
    Deno.writeFileSync(`${place.directory}/up.bin`, bytes);
    const up = await server.call("ssh_upload_file", {
      local_path: "up.bin",
      remote_path: "there.bin",
      permissions: 640,
    });
    const { transfer_speed, ...rest } = up.data;
    assert.deepEqual(rest, {
      success: true,
      operation: "upload",
      local_path: "up.bin",
      remote_path: "there.bin",
      bytes_transferred: bytes.length,
      sha256: sha256(bytes),
      verified: "sha256",
      permissions: "640",
    });
    assert.ok(Number(transfer_speed) > 0);
    assert.equal(mode(`${place.host.directory}/there.bin`), 0o640);
    const down = await server.call("ssh_download_file", {
      remote_path: "~/there.bin",
      local_path: "made/on/the/way/down.bin",
    });
    assert.equal(down.data.sha256, sha256(bytes), down.text);
    assert.equal(down.data.verified, "sha256");
    assert.ok(bytes.equals(Deno.readFileSync(`${place.directory}/made/on/the/way/down.bin`)));
    assert.deepEqual(leftovers(place), []);
  },
);

const leftovers = (place: Place): string[] =>
  [place.directory, place.host.directory].flatMap((path) =>
    [...Deno.readDirSync(path)].map(({ name }) => name).filter((name) => name.endsWith(".part"))
  );

filesTest("ssh_upload_file() answers a person in sections", async (server, place) => {
  Deno.writeTextFileSync(`${place.directory}/f`, "12345");
  const { text, data } = await server.call("ssh_upload_file", {
    local_path: "f",
    remote_path: "g",
    permissions: 600,
  });
  assert.equal(
    text,
    [
      "[SUCCESS] File UPLOAD successful",
      "Operation: upload",
      "Local path: f",
      "Remote path: g",
      "Bytes transferred: 5",
      `Transfer speed: ${data.transfer_speed} bytes/s`,
      `SHA-256: ${data.sha256}`,
      "Verified by: sha256",
      "",
      "=== TRANSFER METADATA ===",
      `Host: 127.0.0.1:${place.host.port}`,
      `User: ${place.host.username}`,
      "Permissions set: 600",
    ].join("\n"),
  );
});

filesTest(
  "ssh_upload_file() reads a mode, a number and null as they are meant",
  async (server, place) => {
    Deno.writeTextFileSync(`${place.directory}/f`, "x");
    for (const permissions of ["0640", "640", "0o640", 640]) {
      const { data } = await server.call("ssh_upload_file", {
        local_path: "f",
        remote_path: "g",
        permissions,
        overwrite: "true",
        response_format: null,
      });
      assert.equal(data.permissions, "640", `${permissions}`);
      assert.equal(mode(`${place.host.directory}/g`), 0o640);
    }
  },
);

filesTest("ssh_upload_file() sets permissions 0, which are a value", async (server, place) => {
  Deno.writeTextFileSync(`${place.directory}/f`, "x");
  const { data } = await server.call("ssh_upload_file", {
    local_path: "f",
    remote_path: "closed",
    permissions: 0,
  });
  assert.equal(data.permissions, "000");
  assert.equal(mode(`${place.host.directory}/closed`), 0);
});

filesTest(
  "the file tools leave an existing file alone unless overwrite is true",
  async (server, place) => {
    Deno.writeTextFileSync(`${place.directory}/f`, "new");
    Deno.writeTextFileSync(`${place.host.directory}/g`, "old");
    const upload = { local_path: "f", remote_path: "g" };
    const refused = await server.call("ssh_upload_file", upload);
    assert.deepEqual([refused.isError, refused.data.code], [true, "already_exists"]);
    assert.equal(
      refused.data.error,
      "Remote file already exists: g. Use overwrite=true to force overwrite.",
    );
    assert.equal(Deno.readTextFileSync(`${place.host.directory}/g`), "old");
    await server.call("ssh_upload_file", { ...upload, overwrite: true });
    assert.equal(Deno.readTextFileSync(`${place.host.directory}/g`), "new");
    const download = { remote_path: "g", local_path: "f" };
    const kept = await server.call("ssh_download_file", download);
    assert.equal(
      kept.data.error,
      "Local file already exists: f. Use overwrite=true to force overwrite.",
    );
  },
);

filesTest("the file tools name what is not there", async (server) => {
  const up = await server.call("ssh_upload_file", { local_path: "none", remote_path: "x" });
  assert.deepEqual([up.data.code, up.data.error], [
    "not_found",
    "Local file does not exist: none",
  ]);
  const down = await server.call("ssh_download_file", { remote_path: "none", local_path: "x" });
  assert.deepEqual([down.data.code, down.data.error], [
    "not_found",
    "Remote file does not exist or is not accessible: none",
  ]);
});

filesTest("the file tools keep to MAX_FILE_SIZE, exactly", async (server, place) => {
  Deno.writeFileSync(`${place.directory}/most`, content(2_000_000));
  Deno.writeFileSync(`${place.directory}/more`, content(2_000_001));
  const up = (name: string) =>
    server.call("ssh_upload_file", { local_path: name, remote_path: name });
  assert.equal((await up("most")).data.success, true);
  const { data } = await up("more");
  assert.equal(data.code, "too_large");
  assert.equal(data.error, "File too large (1.9MB). Maximum allowed size is 1.9MB.");
  Deno.copyFileSync(`${place.directory}/more`, `${place.host.directory}/more`);
  const down = await server.call("ssh_download_file", { remote_path: "more", local_path: "d" });
  assert.equal(down.data.code, "too_large");
  assert.match(String(down.data.error), /^Remote file too large \(1\.9MB\)/);
}, { MAX_FILE_SIZE: "2000000" });

filesTest(
  "ssh_download_file() reads files of /proc to their end and refuses endless and odd ones",
  async (server) => {
    const get = (remote_path: string) =>
      server.call("ssh_download_file", {
        remote_path,
        local_path: `d${remote_path.replaceAll("/", "_")}`,
      });
    const proc = await get("/proc/version");
    assert.equal(proc.data.success, true, proc.text);
    assert.equal(proc.data.verified, "size");
    for (const [path, code] of [["/dev/zero", "not_a_file"], ["/etc", "is_directory"]] as const) {
      assert.equal((await get(path)).data.code, code, path);
    }
  },
);

filesTest("a path with .. is refused on both sides, v1..2 is a name", async (server, place) => {
  Deno.writeTextFileSync(`${place.directory}/v1..2`, "x");
  for (const [local_path, remote_path] of [["../f", "g"], ["v1..2", "a/../g"]]) {
    const { data } = await server.call("ssh_upload_file", { local_path, remote_path });
    assert.deepEqual([data.code, data.error], [
      "invalid_argument",
      "Path cannot contain '..' (path traversal not allowed)",
    ]);
  }
  const { data } = await server.call("ssh_upload_file", {
    local_path: "v1..2",
    remote_path: "w3..4",
  });
  assert.equal(data.success, true);
});

filesTest(
  "a link that leads out of the directories is refused for reading and writing, also as a parent",
  async (server, place) => {
    const { directory, home, host } = place;
    Deno.writeTextFileSync(`${home}/secret`, "secret content");
    Deno.writeTextFileSync(`${host.directory}/evil`, "evil");
    Deno.symlinkSync(`${home}/secret`, `${directory}/file`);
    Deno.symlinkSync(home, `${directory}/folder`);
    Deno.symlinkSync(`${home}/new`, `${directory}/dangling`);
    const outside = async (tool: string, args: Record<string, unknown>) => {
      const { data, isError } = await server.call(tool, args);
      assert.deepEqual([isError, data.code], [true, "outside_directories"], JSON.stringify(args));
      assert.doesNotMatch(JSON.stringify(data), new RegExp(home));
    };
    for (const local_path of ["file", "folder/secret"]) {
      await outside("ssh_upload_file", { local_path, remote_path: "stolen" });
    }
    for (const local_path of ["file", "folder/new", "folder/deep/new", "dangling"]) {
      await outside("ssh_download_file", { remote_path: "evil", local_path, overwrite: true });
    }
    assert.equal(Deno.readTextFileSync(`${home}/secret`), "secret content");
    assert.deepEqual([...Deno.readDirSync(home)].map(({ name }) => name).sort(), [
      ".ssh",
      "secret",
    ]);
    assert.deepEqual([...Deno.readDirSync(host.directory)].map(({ name }) => name), ["evil"]);
  },
);

filesTest(
  "a whole path outside of the directories is refused for reading and writing",
  async (server, place) => {
    const secret = `${place.home}/secret`;
    Deno.writeTextFileSync(secret, "secret content");
    Deno.writeTextFileSync(`${place.host.directory}/evil`, "evil");
    for (const local_path of [secret, "/etc/passwd"]) {
      const { data } = await server.call("ssh_upload_file", { local_path, remote_path: "stolen" });
      assert.equal(data.code, "outside_directories", JSON.stringify(data));
    }
    for (const local_path of [secret, `${place.home}/new`, "/tmp/new"]) {
      const { data } = await server.call("ssh_download_file", {
        remote_path: "evil",
        local_path,
        overwrite: true,
      });
      assert.equal(data.code, "outside_directories", JSON.stringify(data));
    }
    assert.equal(Deno.readTextFileSync(secret), "secret content");
    assert.deepEqual([...Deno.readDirSync(place.host.directory)].map(({ name }) => name), ["evil"]);
  },
);

filesTest("ALLOWED_DIRECTORIES may be used by their whole paths", async (server, place) => {
  Deno.writeTextFileSync(`${place.home}/note`, "x");
  const { data } = await server.call("ssh_upload_file", {
    local_path: `${place.home}/note`,
    remote_path: "note",
  });
  assert.equal(data.success, true, JSON.stringify(data));
}, { ALLOWED_DIRECTORIES: "~" });

filesTest("ssh_upload_file() reports bytes and the whole size", async (server, place) => {
  const bytes = content(6_000_000);
  Deno.writeFileSync(`${place.directory}/big`, bytes);
  await server.call("ssh_upload_file", { local_path: "big", remote_path: "big" }, {
    onprogress: () => {},
  });
  const steps = server.server.progress;
  const last = steps.at(-1);
  assert.deepEqual([last?.progress, last?.total], [bytes.length, bytes.length]);
  assert.ok(steps.every(({ progress }, at) => progress > (steps[at - 1]?.progress ?? 0)));
});

filesTest(
  "a cancelled upload leaves nothing behind and the old file in place",
  async (server, place) => {
    Deno.writeFileSync(`${place.directory}/big`, content(8_000_000));
    Deno.writeTextFileSync(`${place.host.directory}/big`, "old");
    place.host.setFault({ writeDelayMs: 60 });
    const controller = new AbortController();
    const begun = Promise.withResolvers<void>();
    const call = server.call(
      "ssh_upload_file",
      { local_path: "big", remote_path: "big", overwrite: true },
      { signal: controller.signal, onprogress: () => begun.resolve() },
    );
    await begun.promise;
    controller.abort();
    await assert.rejects(call);
    place.host.setFault({});
    // The same SFTP session answers the next call only after the data of the cancelled one.
    await server.call("ssh_download_file", { remote_path: "big", local_path: "old" });
    assert.equal(Deno.readTextFileSync(`${place.directory}/old`), "old");
    await server.end();
    assert.deepEqual([...Deno.readDirSync(place.host.directory)].map(({ name }) => name), ["big"]);
  },
);

for (
  const [name, args] of [
    ["8", { permissions: 8 }],
    ["888", { permissions: 888 }],
    ["1000", { permissions: 1000 }],
    ["-1", { permissions: -1 }],
    ["420", { permissions: 420 }],
    ['"420"', { permissions: "420" }],
    ['"rw-"', { permissions: "rw-" }],
  ] as const
) {
  filesTest(`ssh_upload_file() refuses the permissions ${name}`, async (server) => {
    const { data } = await server.call("ssh_upload_file", {
      local_path: "f",
      remote_path: "g",
      ...args,
    });
    assert.equal(data.code, "invalid_argument");
    assert.match(String(data.error), /permissions: /);
  });
}
