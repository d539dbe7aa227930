import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { bothTest, failure, type Node, nodeTest } from "../node.ts";
import { until } from "../../support/until.ts";

const WEB = { ctid: 101, hostname: "web", status: "running" } as const;

const upload = (node: Node, local: string, path: string, args: Record<string, unknown> = {}) =>
  node.call("proxmox_upload_file_to_container", {
    ctid: 101,
    local_path: local,
    container_path: path,
    ...args,
  });

const download = (node: Node, path: string, local: string, args: Record<string, unknown> = {}) =>
  node.call("proxmox_download_file_from_container", {
    ctid: 101,
    container_path: path,
    local_path: local,
    ...args,
  });

/** Returns the path on this machine of a file in a container. */
const inside = (node: Node, path: string, ctid = 101) => `${node.pve.rootfs(ctid)}${path}`;

const modeOf = (file: string) => ((Deno.statSync(file).mode ?? 0) & 0o7777).toString(8);

const names = (directory: string) =>
  Array.from(Deno.readDirSync(directory), ({ name }) => name).toSorted();

/** Bytes without a pattern that include every value. */
function noise(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, Math.min(at + 65_536, size)));
  }
  return bytes;
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

bothTest("proxmox_upload_file_to_container and download copy any bytes in both directions", {
  containers: [WEB],
}, async (node) => {
  for (const size of [0, 1, 65_536, 3_000_001]) {
    const bytes = noise(size);
    await Deno.writeFile(`${node.dir}/out`, bytes);
    const up = await upload(node, "out", `/opt/${size}`);
    assert.deepEqual([up.data.bytes_transferred, up.data.sha256, up.data.verified], [
      size,
      sha256(bytes),
      "sha256",
    ]);
    assert.deepEqual(await Deno.readFile(inside(node, `/opt/${size}`)), bytes);
    const down = await download(node, `/opt/${size}`, `back/${size}`);
    assert.equal(down.data.sha256, sha256(bytes));
    assert.deepEqual(await Deno.readFile(`${node.dir}/back/${size}`), bytes);
  }
  assert.deepEqual(names(inside(node, "/opt")), ["0", "1", "3000001", "65536"]);
});

bothTest("proxmox_upload_file_to_container returns what is documented", {
  containers: [WEB],
}, async (node) => {
  await Deno.writeTextFile(`${node.dir}/app.conf`, "port=1\n");
  const { data, text } = await upload(node, "app.conf", "/etc/app.conf", { permissions: 640 });
  const { sha256: _sha256, ...rest } = data;
  assert.deepEqual(rest, {
    success: true,
    message: "File uploaded successfully to container 101",
    ctid: 101,
    container_path: "/etc/app.conf",
    local_path: "app.conf",
    bytes_transferred: 7,
    verified: "sha256",
    permissions: "640",
  });
  assert.match(text, /^\[SUCCESS\] File uploaded successfully to container 101\n/);
  assert.equal(modeOf(inside(node, "/etc/app.conf")), "640");
  const again = await upload(node, "app.conf", "/etc/app.conf");
  assert.deepEqual([...failure(again), again.data.suggestion], [
    "already_exists",
    "File already exists in container: /etc/app.conf",
    "Set overwrite=true to replace existing file",
  ]);
});

nodeTest("proxmox_upload_file_to_container keeps owner and mode of the replaced file", {
  containers: [WEB],
}, async (node) => {
  const file = inside(node, "/opt/own");
  await Deno.writeTextFile(file, "old");
  await Deno.chmod(file, 0o600);
  await Deno.chown(file, 1000, 33);
  await Deno.writeTextFile(`${node.dir}/new`, "new");
  await upload(node, "new", "/opt/own", { overwrite: true });
  const { uid, gid } = await Deno.stat(file);
  assert.deepEqual([await Deno.readTextFile(file), uid, gid, modeOf(file)], [
    "new",
    1000,
    33,
    "600",
  ]);
  await upload(node, "new", "/opt/own", { overwrite: true, permissions: 755 });
  assert.equal(modeOf(file), "755");
  await upload(node, "new", "/opt/fresh");
  assert.equal(modeOf(inside(node, "/opt/fresh")), "644");
});

bothTest("the file tools report why they failed and leave nothing behind", {
  containers: [
    { ...WEB, smallDirectory: { path: "/small", bytes: 131_072 } },
    { ctid: 102, status: "stopped" },
  ],
}, async (node) => {
  await Deno.writeFile(`${node.dir}/big`, noise(300_000));
  await Deno.writeTextFile(`${node.dir}/f`, "f");
  await Deno.symlink("/nowhere", inside(node, "/tmp/dangling"));
  const up = async (path: string, local = "f", args = {}) =>
    failure(await upload(node, local, path, args));
  const down = async (path: string, args = {}) => failure(await download(node, path, "got", args));
  assert.equal((await up("/opt", "f", { overwrite: true }))[0], "is_directory");
  const [code, error] = await up("/no/dir/x");
  assert.deepEqual([code, error.includes("/no/dir")], ["not_found", true]);
  for (const path of ["/opt/newdir/", "/etc/hostname/"]) {
    for (const overwrite of [false, true]) {
      assert.deepEqual(await up(path, "f", { overwrite }), [
        "invalid_argument",
        `Cannot write ${path}: the path ends in a slash`,
      ]);
    }
  }
  assert.equal((await up("/opt/", "f", { overwrite: true }))[0], "is_directory");
  assert.equal((await up("/small/x", "big"))[0], "disk_full");
  const rest = await node.call("proxmox_container_exec_command", {
    ctid: 101,
    command: "ls -A /small",
  });
  assert.equal(rest.data.stdout, "");
  assert.equal((await up("/tmp/dangling"))[0], "not_a_file");
  assert.equal((await up("/dev/null", "f", { overwrite: true }))[0], "not_a_file");
  assert.equal((await up("/opt/x", "nosuch"))[0], "not_found");
  assert.deepEqual(await down("/nosuch"), [
    "not_found",
    "File not found in container 101: /nosuch",
  ]);
  assert.equal((await down("/etc"))[0], "is_directory");
  assert.equal((await down("/dev/zero"))[0], "not_a_file");
  assert.deepEqual(await down("/etc/hostname", { ctid: 102 }), [
    "invalid_state",
    "Container 102 is not running",
  ]);
  assert.equal((await up("/opt/x", "f", { ctid: 102 }))[0], "invalid_state");
  for (const path of ["/opt/../etc/passwd", "..", "/a/.."]) {
    const expected = ["invalid_argument", "Path cannot contain '..' (path traversal not allowed)"];
    assert.deepEqual(await up(path), expected);
    assert.deepEqual(await down(path), expected);
  }
  assert.deepEqual(names(node.dir), ["big", "f"]);
  assert.deepEqual(names(inside(node, "/opt")), []);
});

bothTest("a failed upload does not change the old file", {
  containers: [{ ...WEB, smallDirectory: { path: "/small", bytes: 131_072 } }],
  limits: { maxFileBytes: 2 ** 32 },
}, async (node) => {
  const inSmall = async (command: string) =>
    (await node.call("proxmox_container_exec_command", { ctid: 101, command })).data.stdout;
  await inSmall("echo old >/small/x; chmod 640 /small/x");
  await Deno.writeFile(`${node.dir}/big`, noise(300_000));
  const full = await upload(node, "big", "/small/x", { overwrite: true });
  assert.equal(failure(full)[0], "disk_full");
  assert.equal(await inSmall("ls -A /small; cat /small/x; stat -c %a /small/x"), "x\nold\n640\n");
  await Deno.writeTextFile(inside(node, "/opt/x"), "old");
  await Deno.truncate(`${node.dir}/big`, 2 ** 31);
  const controller = new AbortController();
  const args = { ctid: 101, local_path: "big", container_path: "/opt/x", overwrite: true };
  const cancelled = await node.call("proxmox_upload_file_to_container", args, {
    signal: controller.signal,
    progress: () => controller.abort(),
  });
  assert.equal(failure(cancelled)[0], "cancelled");
  await until("the temporary file is gone", () => names(inside(node, "/opt")).join() === "x");
  assert.equal(await Deno.readTextFile(inside(node, "/opt/x")), "old");
});

bothTest("the file tools follow links and read files without a size", {
  containers: [WEB],
}, async (node) => {
  await Deno.writeTextFile(inside(node, "/opt/target"), "old");
  await Deno.symlink("target", inside(node, "/opt/link"));
  await Deno.writeTextFile(`${node.dir}/f`, "new");
  assert.equal((await upload(node, "f", "/opt/link", { overwrite: true })).data.success, true);
  assert.equal(await Deno.readLink(inside(node, "/opt/link")), "target");
  assert.equal(await Deno.readTextFile(inside(node, "/opt/target")), "new");
  assert.equal((await download(node, "/opt/link", "got")).data.bytes_transferred, 3);
  const { data } = await download(node, "/proc/1/status", "status");
  const text = await Deno.readTextFile(`${node.dir}/status`);
  assert.match(text, /^Name:\t\w+\n/);
  assert.deepEqual([data.bytes_transferred, data.verified], [text.length, "size"]);
});

bothTest("the file tools accept paths full of shell characters", {
  containers: [WEB],
}, async (node) => {
  await Deno.writeTextFile(`${node.dir}/f`, "content");
  const odd = [
    "v1..2",
    "-rf",
    "a b",
    `q'"$(id)`,
    "`id`;x",
    "new\nline",
    "é€😀",
    "back\\slash",
    "*",
  ];
  for (const name of odd) {
    await upload(node, "f", `/opt/${name}`);
    assert.equal(await Deno.readTextFile(inside(node, `/opt/${name}`)), "content", name);
    const { data } = await download(node, `/opt/${name}`, "back", { overwrite: true });
    assert.equal(data.bytes_transferred, 7, name);
  }
  assert.deepEqual(names(inside(node, "/opt")), odd.toSorted());
});

nodeTest("proxmox_download_file_from_container keeps an existing file without overwrite", {
  containers: [WEB],
  limits: { maxFileBytes: 1000 },
}, async (node) => {
  await Deno.writeTextFile(`${node.dir}/have`, "mine");
  assert.equal(failure(await download(node, "/etc/hostname", "have"))[0], "already_exists");
  assert.equal(await Deno.readTextFile(`${node.dir}/have`), "mine");
  await download(node, "/etc/hostname", "have", { overwrite: true });
  assert.equal(await Deno.readTextFile(`${node.dir}/have`), "web\n");
  await Deno.writeFile(inside(node, "/opt/large"), noise(1001));
  assert.equal(failure(await download(node, "/opt/large", "l"))[0], "too_large");
  await Deno.writeFile(`${node.dir}/large`, noise(1001));
  assert.equal(failure(await upload(node, "large", "/opt/l"))[0], "too_large");
  assert.equal(failure(await download(node, "/etc/hostname", "/etc/x"))[0], "outside_directories");
});

nodeTest("the file tools work on a container that is locked or unprivileged", {
  containers: [
    { ...WEB, lock: "backup" },
    { ctid: 103, status: "running", unprivileged: true },
  ],
}, async (node) => {
  const release = await node.pve.holdLock(101);
  await Deno.writeTextFile(`${node.dir}/f`, "f");
  assert.equal((await upload(node, "f", "/opt/f")).data.success, true);
  await release();
  await upload(node, "f", "/opt/f", { ctid: 103 });
  const { uid } = await Deno.stat(inside(node, "/opt/f", 103));
  assert.equal(uid, 100_000);
});

bothTest("the file tools leave nothing behind when they are cancelled", {
  containers: [WEB],
  limits: { maxFileBytes: 2 ** 32 },
}, async (node) => {
  // So large that the transfer cannot end before it is cancelled; the file is sparse.
  await Deno.writeTextFile(`${node.dir}/huge`, "");
  await Deno.truncate(`${node.dir}/huge`, 2 ** 31);
  const cancelled = async (tool: string, args: Record<string, unknown>) => {
    const controller = new AbortController();
    const answer = await node.call(tool, { ctid: 101, ...args }, {
      signal: controller.signal,
      progress: () => controller.abort(),
    });
    assert.equal(failure(answer)[0], "cancelled");
  };
  await cancelled("proxmox_upload_file_to_container", {
    local_path: "huge",
    container_path: "/opt/huge",
  });
  await until("nothing is left", () => names(inside(node, "/opt")).length === 0);
  await Deno.rename(`${node.dir}/huge`, inside(node, "/opt/huge"));
  await cancelled("proxmox_download_file_from_container", {
    local_path: "got",
    container_path: "/opt/huge",
  });
  assert.deepEqual(names(node.dir), []);
});

nodeTest("files are copied to and from a container whose programs are only in one directory", {
  containers: [{ ...WEB, programDirectory: "/run/current-system/sw/bin" }],
}, async (node) => {
  await Deno.writeTextFile(`${node.dir}/out`, "content\n");
  const up = await upload(node, "out", "/tmp/file");
  assert.deepEqual([up.isError, up.data.verified], [false, "sha256"]);
  const again = await upload(node, "out", "/tmp/file", { overwrite: true });
  assert.equal(again.isError, false);
  const down = await download(node, "/tmp/file", "back");
  assert.deepEqual([down.isError, down.data.verified], [false, "sha256"]);
  const [code, error] = failure(await upload(node, "out", "/no/such/file"));
  assert.equal(code, "not_found");
  assert.match(error, /the directory \/no\/such does not exist/);
});

for (const tool of ["dd", "wc", "dirname", "chmod", "ln"]) {
  nodeTest(`proxmox_upload_file_to_container names a missing ${tool} and leaves nothing`, {
    containers: [{ ...WEB, without: [tool] }],
  }, async (node) => {
    await Deno.writeTextFile(`${node.dir}/out`, "content\n");
    assert.deepEqual(failure(await upload(node, "out", "/opt/file")), [
      "unsupported",
      `Cannot transfer /opt/file: container 101 has no program "${tool}"`,
    ]);
    assert.deepEqual(names(inside(node, "/opt")), []);
  });
}

nodeTest("a file in a container is not replaced without the program that reads its owner", {
  containers: [{ ...WEB, without: ["stat"] }],
}, async (node) => {
  await Deno.writeTextFile(`${node.dir}/out`, "content\n");
  await Deno.writeTextFile(inside(node, "/opt/secret"), "old");
  await Deno.chmod(inside(node, "/opt/secret"), 0o600);
  const [code, error] = failure(await upload(node, "out", "/opt/secret", { overwrite: true }));
  assert.deepEqual([code, /has no program "stat"$/.test(error)], ["unsupported", true]);
  assert.equal(modeOf(inside(node, "/opt/secret")), "600");
  assert.equal((await download(node, "/opt/secret", "back")).data.bytes_transferred, 3);
});

nodeTest("proxmox_download_file_from_container names a missing head", {
  containers: [{ ...WEB, without: ["head"] }],
}, async (node) => {
  await Deno.writeTextFile(inside(node, "/opt/file"), "content");
  assert.deepEqual(failure(await download(node, "/opt/file", "back")), [
    "unsupported",
    'Cannot transfer /opt/file: container 101 has no program "head"',
  ]);
});

nodeTest("a copy claims no sha256 where the container cannot compute one", {
  containers: [{ ...WEB, without: ["sha256sum"] }],
}, async (node) => {
  await Deno.writeTextFile(`${node.dir}/out`, "content\n");
  assert.equal((await upload(node, "out", "/opt/file")).data.verified, "size");
  assert.equal((await download(node, "/opt/file", "back")).data.verified, "size");
});
