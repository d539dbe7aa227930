/** The real server over stdio against the stand-in. */
import assert from "node:assert/strict";
import { type FakeProxmox, installProxmox } from "../fakes/proxmox/install.ts";
import { type Place, startPlace } from "../support/places.ts";
import { type Connected, connectServer } from "../support/server.ts";
import { processesLike } from "./node.ts";

function wholeTest(
  name: string,
  env: Readonly<Record<string, string>>,
  work: (server: Connected, place: Place, pve: FakeProxmox) => Promise<void>,
): void {
  Deno.test({ name, ignore: Deno.uid() !== 0, fn });

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
    assert.deepEqual(list.data, { containers: [{ ctid: 101, status: "running", name: "web" }] });
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

wholeTest("the server says which tools read, change and destroy", {}, async ({ client }) => {
  const { tools } = await client.listTools();
  const hints = (name: string) =>
    tools.find((tool) => tool.name === `proxmox_${name}`)?.annotations;
  for (const name of ["list_containers", "container_status", "resource_usage", "list_backups"]) {
    assert.equal(hints(name)?.readOnlyHint, true, name);
  }
  for (const name of ["start_container", "create_snapshot", "backup", "start_vm"]) {
    assert.deepEqual(
      [hints(name)?.readOnlyHint, hints(name)?.destructiveHint],
      [false, false],
      name,
    );
  }
  for (const name of ["container_exec_command", "stop_container", "rollback_snapshot", "stop_vm"]) {
    assert.equal(hints(name)?.destructiveHint, true, name);
  }
  const rollback = tools.find(({ name }) => name === "proxmox_rollback_snapshot");
  assert.match(rollback?.description ?? "", /running container is STOPPED/);
  assert.equal(tools.filter(({ name }) => name.startsWith("proxmox_")).length, 24);
});

wholeTest(
  "the server ends what runs in a container when it is killed",
  {},
  async (server, _place, pve) => {
    const running = server.call("proxmox_container_exec_command", {
      ctid: 101,
      command: "touch /tmp/begun; sleep 7125 & sleep 7125",
    }).catch(() => {}); // its connection is cut
    const begun = `${pve.rootfs(101)}/tmp/begun`;
    while (!await Deno.stat(begun).then(() => true, () => false)) await nextTurn();
    server.server.kill("SIGKILL");
    await running;
    const giveUpAt = performance.now() + 10_000;
    while (processesLike(/sleep 7125/).length > 0) {
      assert.ok(performance.now() < giveUpAt, "the processes live on");
      await nextTurn();
    }
  },
);

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
    assert.equal(names.length, 22);
    assert.deepEqual(names.filter((name) => name.includes("file")), []);
  },
);

const nextTurn = () => new Promise((resolve) => setTimeout(resolve, 20));
