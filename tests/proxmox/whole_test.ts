/** The complete server over stdio, against the stand-in. */
import assert from "node:assert/strict";
import { type FakeProxmox, installProxmox } from "../fakes/proxmox/install.ts";
import { connectTo } from "../peers/openssh.ts";
import { until } from "../support/until.ts";
import { CONTAINERS, peerTest, SSHD } from "../peers/require.ts";
import { type Place, startPlace } from "../support/places.ts";
import { type Connected, connectServer } from "../support/server.ts";
import { TOOL_TABLE } from "../../src/config/tool_table.ts";
import { processesLike, startSshdFor } from "./node.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

function wholeTest(
  name: string,
  env: Readonly<Record<string, string>>,
  work: (server: Connected, place: Place, pve: FakeProxmox) => Promise<void>,
): void {
  peerTest({ name, peer: CONTAINERS, fn });

  async function fn() {
    const pve = await installProxmox();
    try {
      await pve.addContainer({ ctid: 101, hostname: "web", status: "running" });
      await using place = await startPlace({ env: { PATH: pve.binDirectory } });
      await using server = await connectServer({
        cwd: place.directory,
        env: { ...place.env, ENABLE_PROXMOX: "true", ...env },
      });
      await work(server, place, pve);
    } finally {
      await pve.close();
    }
  }
}

wholeTest(
  "the server runs commands in containers and moves files",
  {},
  async (server, place, pve) => {
    const list = await server.call("proxmox_list_containers");
    const web = { ctid: 101, status: "running", name: "web", addresses: ["192.0.2.101"] };
    assert.deepEqual(list.data, { containers: [web] });
    const exec = await server.call("proxmox_container_exec_command", {
      ctid: 101,
      command: "cat /etc/hostname",
      response_format: "json",
    });
    assert.equal(exec.data.stdout, "web\n");
    assert.deepEqual(JSON.parse(exec.text), exec.data);
    await Deno.writeTextFile(`${place.directory}/app.conf`, "port=1\n");
    const up = await server.call("proxmox_upload_file_to_container", {
      ctid: 101,
      local_path: "./app.conf",
      container_path: "/etc/app.conf",
    });
    assert.equal(up.data.success, true);
    assert.equal(await Deno.readTextFile(`${pve.rootfs(101)}/etc/app.conf`), "port=1\n");
    const missing = await server.call("proxmox_container_status", { ctid: 999 });
    assert.deepEqual([missing.isError, missing.data.error], [true, "Container 999 not found"]);
  },
);

wholeTest("the server annotates which tools read, change and destroy", {}, async ({ client }) => {
  const { tools } = await client.listTools();
  const hints = (name: string) =>
    tools.find((tool) => tool.name === `proxmox_${name}`)?.annotations;
  for (
    const name of [
      "list_containers",
      "container_status",
      "vm_config",
      "list_vm_snapshots",
      "list_backups",
      "node_status",
      "task_log",
    ]
  ) {
    assert.equal(hints(name)?.readOnlyHint, true, name);
  }
  for (
    const name of ["start_container", "create_snapshot", "create_vm_snapshot", "backup", "start_vm"]
  ) {
    // A missing readOnlyHint is false.
    assert.deepEqual(hints(name), { destructiveHint: false }, name);
  }
  for (
    const name of [
      "stop_task",
      "set_vm",
      "resize_container",
      "container_exec_command",
      "stop_container",
      "rollback_snapshot",
      "rollback_vm_snapshot",
      "delete_vm_snapshot",
      "reboot_vm",
    ]
  ) {
    assert.equal(hints(name)?.destructiveHint, true, name);
  }
  const rollback = tools.find(({ name }) => name === "proxmox_rollback_snapshot");
  assert.match(rollback?.description ?? "", /running container is STOPPED/);
  const names = tools.map(({ name }) => name).filter((name) => name.startsWith("proxmox_"));
  assert.deepEqual(names.sort(), Object.keys(TOOL_TABLE.proxmox).sort());
});

peerTest({
  name: "the server ends what runs in a container and in a transfer when it is killed",
  peer: [SSHD, ...CONTAINERS],
  async fn() {
    const pve = await installProxmox();
    try {
      await pve.addContainer({ ctid: 101, hostname: "web", status: "running" });
      await using sshd = await startSshdFor(pve);
      using dir = temporaryDirectory();
      await using server = await connectTo(sshd, dir.path, {
        ENABLE_PROXMOX: "true",
        MAX_FILE_SIZE: String(2 ** 32),
      });
      await killDuringWork(server, dir.path, pve);
    } finally {
      await pve.close();
    }
  },
});

async function killDuringWork(server: Connected, dir: string, pve: FakeProxmox): Promise<void> {
  await Deno.writeTextFile(`${dir}/huge`, "");
  await Deno.truncate(`${dir}/huge`, 2 ** 31);
  const filesOf = (path: string) => Array.from(Deno.readDirSync(`${pve.rootfs(101)}${path}`));
  const calls = [
    server.call("proxmox_container_exec_command", {
      ctid: 101,
      command: "touch /srv-begun; sleep 7125 & sleep 7125",
    }),
    server.call("proxmox_upload_file_to_container", {
      ctid: 101,
      local_path: "huge",
      container_path: "/opt/huge",
    }),
  ];
  await until(
    "both are under way",
    () => filesOf("/").some(({ name }) => name === "srv-begun") && filesOf("/opt").length === 1,
  );
  server.server.kill("SIGKILL");
  await Promise.allSettled(calls);
  await until(
    "nothing is left",
    () => processesLike(/sleep 7125/).length === 0 && filesOf("/opt").length === 0,
  );
}

const IMAGEKIT = {
  ENABLE_IMAGEKIT: "true",
  IMAGEKIT_PUBLIC_KEY: "public_x",
  IMAGEKIT_PRIVATE_KEY: "private_x",
  IMAGEKIT_URL_ENDPOINT: "https://ik.example/x",
};

wholeTest(
  "the server leaves the file tools out when ImageKit moves files",
  IMAGEKIT,
  async ({ client }) => {
    const { tools } = await client.listTools();
    const names = tools.map(({ name }) => name).filter((name) => name.startsWith("proxmox_"));
    assert.equal(names.length, Object.keys(TOOL_TABLE.proxmox).length - 2);
    assert.deepEqual(names.filter((name) => name.includes("file")), []);
  },
);
