/** Nodes whose root has start-up files that print, in the login shells that differ most from sh. */
import assert from "node:assert/strict";
import { FISH, TCSH } from "../peers/openssh.ts";
import { CONTAINERS, peer, peerTest, SSHD } from "../peers/require.ts";
import { type Answer, type LoginOptions, type Node, startNode } from "./node.ts";

const WELCOME =
  "echo Welcome to pve; echo 'status: running'; echo '[{\"name\":\"no\"}]'; printf '\\033[0m'\n";

const LOGINS: readonly (LoginOptions & { readonly peer: typeof SSHD })[] = [
  { shell: "/bin/bash", startFile: ".bashrc", text: WELCOME, peer: peer("bash", "/bin/bash") },
  {
    shell: "/bin/bash",
    startFile: ".bashrc",
    text:
      "echo 101        running    backup       welcome; echo ' 200 a running 1 1.00 1'; echo Welcome >&2\n",
    peer: peer("bash", "/bin/bash"),
  },
  { shell: "/usr/bin/tcsh", startFile: ".tcshrc", text: WELCOME, peer: TCSH },
  { shell: "/usr/bin/fish", startFile: ".config/fish/config.fish", text: WELCOME, peer: FISH },
];

LOGINS.forEach((login, index) =>
  peerTest({
    name: `the tools ignore what ${login.shell} prints when it starts (${index + 1})`,
    peer: [SSHD, login.peer, ...CONTAINERS],
    async fn() {
      await using node = await startNode({
        link: "openssh",
        login,
        containers: [{ ctid: 101, hostname: "web", status: "running" }],
        vms: [{ vmid: 200, name: "vm", status: "running", agent: true }],
      });
      await callAll(node);
    },
  })
);

async function callAll(node: Node): Promise<void> {
  const call = async (name: string, args: Record<string, unknown> = {}) =>
    succeeded(name, await node.call(`proxmox_${name}`, args));
  await exec(call);
  await copy(node, call);
  assert.deepEqual((await call("list_containers")).containers, [
    { ctid: 101, name: "web", status: "running", addresses: ["192.0.2.101"] },
  ]);
  assert.equal((await call("list_vms")).vms.length, 1);
  assert.equal((await call("container_status", { ctid: 101 })).status, "running");
  assert.equal((await call("vm_config", { vmid: 200 })).config.name, "vm");
  assert.equal((await call("container_config", { ctid: 101 })).config.hostname, "web");
  const snapshot = { ctid: 101, snapshot: "one" };
  await call("create_snapshot", snapshot);
  assert.equal((await call("list_snapshots", { ctid: 101 })).snapshots[0].name, "one");
  await call("rollback_snapshot", snapshot);
  await call("start_container", { ctid: 101 });
  await call("reboot_container", { ctid: 101 });
  await call("delete_snapshot", snapshot);
  await call("stop_vm", { vmid: 200 });
  await call("backup", { vmid: 101 });
  assert.equal((await call("list_backups")).backups.length, 1);
  assert.equal((await call("resource_usage")).containers[0].ctid, 101);
}

// deno-lint-ignore no-explicit-any -- the shape differs from tool to tool and is what the test checks
type Call = (name: string, args?: Record<string, unknown>) => Promise<any>;

async function exec(call: Call): Promise<void> {
  const command = 'echo "it\'s" here; exit 3';
  const inside = await call("container_exec_command", { ctid: 101, command });
  assert.deepEqual([inside.stdout, inside.stderr, inside.exit_code], ["it's here\n", "", 3]);
  const inVm = await call("vm_exec_command", { vmid: 200, command });
  assert.deepEqual([inVm.stdout, inVm.exit_code], ["it's here\n", 3]);
}

async function copy(node: Node, call: Call): Promise<void> {
  const name = "a 'b'\n\\!c";
  await Deno.writeTextFile(`${node.dir}/out`, "content\n");
  const up = { ctid: 101, local_path: "out", container_path: `/opt/${name}` };
  assert.equal((await call("upload_file_to_container", up)).verified, "sha256");
  const down = { ctid: 101, local_path: "back", container_path: `/opt/${name}` };
  assert.equal((await call("download_file_from_container", down)).verified, "sha256");
  assert.equal(await Deno.readTextFile(`${node.dir}/back`), "content\n");
}

function succeeded(name: string, { data, text, isError }: Answer) {
  assert.equal(isError, false, `${name}: ${text}`);
  for (const said of ["Welcome", "\x1b"]) assert.ok(!text.includes(said), name);
  return data;
}
