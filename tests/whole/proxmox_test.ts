import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type FakeProxmox, installProxmox } from "../fakes/proxmox/install.ts";
import { content } from "../fakes/ssh_host_client.ts";
import { aliveWithMarker } from "../peers/processes.ts";
import { type Place, startPlace } from "../support/places.ts";
import { type Connected, connectServer, type ToolResult } from "../support/server.ts";
import { CONTAINERS, peerTest } from "../peers/require.ts";
import { until } from "../support/until.ts";

/** Registers a test with a server and a node with two containers; container 101 runs. */
function proxmoxTest(
  name: string,
  run: (server: Connected, pve: FakeProxmox, place: Place) => Promise<void>,
  env: Record<string, string> = {},
): void {
  peerTest({
    name,
    peer: CONTAINERS,
    async fn() {
      const pve = await installProxmox();
      try {
        await pve.addContainer({ ctid: 101, hostname: "web", status: "running", bash: true });
        await pve.addContainer({ ctid: 102, hostname: "db", status: "stopped" });
        await using place = await startPlace({ env: { PATH: pve.binDirectory } });
        const all = { ...place.env, ENABLE_PROXMOX: "true", ...env };
        await using server = await connectServer({ env: all, cwd: place.directory });
        await run(server, pve, place);
      } finally {
        await pve.close();
      }
    },
  });
}

/** Returns the code and the error of a refused call. */
function failure({ data, text, isError }: ToolResult): [unknown, unknown] {
  assert.equal(isError, true, text);
  assert.ok(String(data.suggestion).length > 10);
  return [data.code, data.error];
}

function succeeded({ data, text, isError }: ToolResult): Record<string, unknown> {
  assert.equal(isError, false, text);
  return data;
}

proxmoxTest("the Proxmox tools list containers and report a missing one", async (server) => {
  const { text, data } = await server.call("proxmox_list_containers");
  assert.deepEqual(data.containers, [
    { ctid: 101, status: "running", name: "web", addresses: ["192.0.2.101"] },
    { ctid: 102, status: "stopped", name: "db" },
  ]);
  assert.match(text, /^ 101 \| running \| web \(192\.0\.2\.101\)$/m);
  assert.deepEqual(failure(await server.call("proxmox_container_status", { ctid: 999 })), [
    "not_found",
    "Container 999 not found",
  ]);
});

proxmoxTest(
  "proxmox_container_exec_command() runs in the container and returns its exit code",
  async (server, pve) => {
    Deno.writeTextFileSync(`${pve.rootfs(101)}/etc/inside`, "grüße aus 101\n");
    const command = 'cat /etc/inside; id -u; echo "it\'s wrong" >&2; exit 3';
    const { data, isError } = await server.call("proxmox_container_exec_command", {
      ctid: 101,
      command,
    });
    assert.equal(isError, false);
    const { stdout, stderr, exit_code, success } = data;
    assert.deepEqual([stdout, stderr, exit_code, success], [
      "grüße aus 101\n0\n",
      "it's wrong\n",
      3,
      false,
    ]);
    const stopped = await server.call("proxmox_container_exec_command", { ctid: 102, command });
    assert.deepEqual(failure(stopped), ["invalid_state", "Container 102 is not running"]);
  },
);

proxmoxTest(
  "proxmox_container_exec_command() leaves nothing running in the container after its time limit",
  async (server) => {
    const marker = `300.${1 + randomBytes(4).readUInt32BE()}`;
    const { data, isError } = await server.call("proxmox_container_exec_command", {
      ctid: 101,
      command: `echo started; sleep ${marker} & sleep ${marker} | sleep ${marker}`,
      timeout: 15,
    });
    assert.deepEqual([isError, data.code, data.timeout_reached], [true, "timeout", true]);
    // No guard runs on the embedded host, so the end is not confirmed.
    assert.deepEqual([data.stdout, data.process_ended], ["started\n", false]);
    await until("the end of the processes", () => aliveWithMarker(marker).length === 0);
  },
);

proxmoxTest(
  "files are copied into a container and back unchanged, under any name",
  async (server, pve, place) => {
    const bytes = content(3_000_001);
    Deno.writeFileSync(`${place.directory}/up.bin`, bytes);
    const container_path = "/opt/a 名 'b'.bin";
    const upload = { ctid: 101, local_path: "up.bin", container_path, permissions: 640 };
    const up = succeeded(await server.call("proxmox_upload_file_to_container", upload));
    assert.deepEqual([up.bytes_transferred, up.verified], [bytes.length, "sha256"]);
    assert.ok(bytes.equals(Deno.readFileSync(`${pve.rootfs(101)}${container_path}`)));
    assert.equal((Deno.statSync(`${pve.rootfs(101)}${container_path}`).mode ?? 0) & 0o777, 0o640);
    const download = { ctid: 101, container_path, local_path: "back/down.bin" };
    succeeded(await server.call("proxmox_download_file_from_container", download));
    assert.ok(bytes.equals(Deno.readFileSync(`${place.directory}/back/down.bin`)));
    assert.deepEqual(failure(await server.call("proxmox_upload_file_to_container", upload)), [
      "already_exists",
      `File already exists in container: ${container_path}`,
    ]);
    const nowhere = { ...upload, container_path: "/no/such/file" };
    const [code, error] = failure(await server.call("proxmox_upload_file_to_container", nowhere));
    assert.equal(code, "not_found");
    assert.match(String(error), /the directory \/no\/such does not exist/);
    const names = [...Deno.readDirSync(`${pve.rootfs(101)}/opt`)].map(({ name }) => name);
    assert.deepEqual(names, ["a 名 'b'.bin"]);
  },
);

proxmoxTest("a full disk in a container is not a success", async (server, pve, place) => {
  await pve.addContainer({
    ctid: 103,
    status: "running",
    smallDirectory: { path: "/small", bytes: 65_536 },
  });
  Deno.writeFileSync(`${place.directory}/big`, content(500_000));
  const args = { ctid: 103, local_path: "big", container_path: "/small/big" };
  failure(await server.call("proxmox_upload_file_to_container", args));
  const left = await server.call("proxmox_container_exec_command", {
    ctid: 103,
    command: "ls -A /small",
  });
  assert.equal(left.data.stdout, "");
});

proxmoxTest("containers stop and start, and fail in the wrong state", async (server) => {
  const status = async () =>
    (await server.call("proxmox_container_status", { ctid: 101 })).data.status;
  succeeded(await server.call("proxmox_stop_container", { ctid: 101 }));
  assert.equal(await status(), "stopped");
  assert.equal(failure(await server.call("proxmox_stop_container", { ctid: 101 }))[0], STATE);
  succeeded(await server.call("proxmox_start_container", { ctid: 101 }));
  assert.equal(await status(), "running");
  assert.equal(failure(await server.call("proxmox_start_container", { ctid: 101 }))[0], STATE);
});

const STATE = "invalid_state";

proxmoxTest(
  "a connection lost during a container's command is reported, and the next call works",
  async (server, _pve, place) => {
    const begun = Promise.withResolvers<void>();
    const call = server.call("proxmox_container_exec_command", {
      ctid: 101,
      command: "echo begun; sleep 30",
    }, {
      onprogress: ({ message = "" }) => {
        if (message.includes("begun")) begun.resolve();
      },
    });
    await begun.promise;
    place.host.dropConnections();
    const { data, isError } = await call;
    assert.deepEqual([isError, data.code, data.stdout], [true, "connection_lost", "begun\n"]);
    const again = await server.call("proxmox_container_status", { ctid: 101 });
    assert.equal(again.data.status, "running", again.text);
  },
);

proxmoxTest("a node whose cluster is down is reported", async (server, pve) => {
  await pve.setFault("clusterDown", true);
  for (const name of ["proxmox_list_containers", "proxmox_list_vms"]) {
    const [code, error] = failure(await server.call(name));
    assert.equal(code, "unreachable", name);
    assert.match(String(error), /\/etc\/pve/);
  }
  await pve.setFault("clusterDown", undefined);
  succeeded(await server.call("proxmox_list_containers"));
});

proxmoxTest("with ImageKit on, only its own tools copy files", async (server) => {
  const names = (await server.client.listTools()).tools.map(({ name }) => name);
  assert.deepEqual(
    names.filter((name) => /(up|down)load(?!_(link|stats|template))/.test(name)).sort(),
    [
      "imagekit_confirm_download",
      "imagekit_confirm_upload",
      "imagekit_request_download",
      "imagekit_request_upload",
    ],
  );
}, {
  ENABLE_IMAGEKIT: "true",
  IMAGEKIT_PUBLIC_KEY: "public_x",
  IMAGEKIT_PRIVATE_KEY: "private_x",
  IMAGEKIT_URL_ENDPOINT: "https://127.0.0.1:1/me",
  IMAGEKIT_API_URL: "https://127.0.0.1:1",
  IMAGEKIT_UPLOAD_URL: "https://127.0.0.1:1",
});

Deno.test("a host that is not a Proxmox VE node is reported", async () => {
  await using place = await startPlace();
  const env = { ...place.env, ENABLE_PROXMOX: "true" };
  await using server = await connectServer({ env, cwd: place.directory });
  for (
    const [name, args] of [
      ["proxmox_list_containers", {}],
      ["proxmox_container_exec_command", { ctid: 101, command: "true" }],
      ["proxmox_list_backups", {}],
    ] as const
  ) {
    const [code, error] = failure(await server.call(name, args));
    assert.equal(code, "unsupported", name);
    assert.match(String(error), /it is not a Proxmox VE node/);
  }
});

Deno.test("without ENABLE_PROXMOX its tools do not exist", async () => {
  await using place = await startPlace();
  await using server = await connectServer({ env: place.env, cwd: place.directory });
  const { tools } = await server.client.listTools();
  assert.deepEqual(tools.filter(({ name }) => name.startsWith("proxmox_")), []);
  const { data } = await server.call("generate_download_link", { path: "/x", ctid: 101 });
  assert.equal(data.code, "invalid_argument");
  assert.match(String(data.error), /ctid/);
});
