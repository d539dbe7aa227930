import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { FakeProxmox } from "../fakes/proxmox/install.ts";
import { startNode } from "./node.ts";
import type { Step, Tour } from "./tour.ts";

const content = randomBytes(1_000_000);
/** It runs; the other one is stopped. */
const WEB = 101;
const DB = 102;

let pve: FakeProxmox | undefined;

const listContainers: Step = {
  title: "The containers of the node",
  async run({ server }) {
    const { data, text, isError } = await server.call("proxmox_list_containers", {});
    assert.equal(isError, false, text);
    assert.deepEqual(data.containers, [
      { ctid: WEB, status: "running", name: "web", addresses: ["192.0.2.101"] },
      { ctid: DB, status: "stopped", name: "db" },
    ]);
    return text.split("\n");
  },
};

const missingContainer: Step = {
  title: "The status of a container that does not exist",
  async run({ server }) {
    const { data, text } = await server.call("proxmox_container_status", { ctid: 999 });
    assert.equal(data.code, "not_found");
    assert.equal(data.error, "Container 999 not found");
    return text.split("\n");
  },
};

const runInside: Step = {
  title: "A command in a container",
  async run({ server }) {
    const command = 'echo "I am $(id -un) of $(cat /etc/hostname)"; ls /; exit 3';
    const args = { ctid: WEB, command };
    const { data, text, isError } = await server.call("proxmox_container_exec_command", args);
    assert.equal(isError, false, text);
    assert.match(String(data.stdout), /^I am root of web\n/);
    assert.equal(data.exit_code, 3);
    return text.split("\n");
  },
};

const stoppedContainer: Step = {
  title: "A command in a container that does not run is refused, with what to do",
  async run({ server }) {
    const args = { ctid: DB, command: "true" };
    const { data, text } = await server.call("proxmox_container_exec_command", args);
    assert.equal(data.code, "invalid_state");
    return text.split("\n");
  },
};

const moveFile: Step = {
  title: "A file into a container, and out of it again",
  async run({ server, directory }) {
    await Deno.writeFile(`${directory}/site.tar`, content);
    const inside = { ctid: WEB, container_path: "/opt/site of the demo.tar" };
    const up = await server.call("proxmox_upload_file_to_container", {
      ...inside,
      local_path: "site.tar",
    });
    assert.equal(up.data.verified, "sha256", up.text);
    const judge = await Deno.readFile(`${pve?.rootfs(WEB)}${inside.container_path}`);
    assert.ok(content.equals(judge), "other bytes have arrived");
    const down = await server.call("proxmox_download_file_from_container", {
      ...inside,
      local_path: "back.tar",
    });
    assert.equal(down.data.verified, "sha256", down.text);
    const back = await Deno.readFile(`${directory}/back.tar`);
    assert.ok(content.equals(back), "other bytes have come back");
    const compared = `Compared: ${back.length} bytes, all the same`;
    return [...up.text.split("\n"), "", ...down.text.split("\n"), "", compared];
  },
};

const stopAndStart: Step = {
  title: "A container is stopped, and started again",
  async run({ server }) {
    const stop = await server.call("proxmox_stop_container", { ctid: WEB });
    assert.equal(stop.isError, false, stop.text);
    const between = await server.call("proxmox_container_status", { ctid: WEB });
    assert.equal(between.data.status, "stopped");
    const start = await server.call("proxmox_start_container", { ctid: WEB });
    assert.equal(start.isError, false, start.text);
    const after = await server.call("proxmox_container_status", { ctid: WEB });
    assert.equal(after.data.status, "running");
    return [stop, between, start, after].map(({ text }) => text);
  },
};

/** Containers of a Proxmox VE node, on the programs of a stand-in. */
export const proxmoxTour: Tour = {
  title: "Containers of a Proxmox VE node (a stand-in for pct; its containers are real)",
  async prepare() {
    const node = await startNode();
    pve = node;
    await node.addContainer({ ctid: WEB, hostname: "web", status: "running" });
    await node.addContainer({ ctid: DB, hostname: "db", status: "stopped" });
    return {
      host: { env: { PATH: node.binDirectory } },
      env: { ENABLE_PROXMOX: "true" },
      close: () => node.close(),
    };
  },
  steps: [listContainers, missingContainer, runInside, stoppedContainer, moveFile, stopAndStart],
};
