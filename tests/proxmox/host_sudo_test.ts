/** The complete server with a login that is not root, against the stand-in and the real sudo. */
import assert from "node:assert/strict";
import { installProxmox } from "../fakes/proxmox/install.ts";
import { connectTo, untilGone } from "../peers/openssh.ts";
import { CONTAINERS, peerTest, SSHD } from "../peers/require.ts";
import { startSshd } from "../peers/sshd.ts";
import { SUDO, Sudoers, untilSleeping } from "../peers/sudo.ts";
import { newTag, tagged } from "../peers/openssh.ts";

for (const way of ["password", "no password"] as const) {
  peerTest({
    name: `the Proxmox tools work for a login that is not root (${way})`,
    peer: [SSHD, ...SUDO, ...CONTAINERS],
    async fn() {
      const pve = await installProxmox();
      const dir = await Deno.makeTempDir({ prefix: "mre_whole_" });
      try {
        await pve.addContainer({ ctid: 101, hostname: "web", status: "running" });
        await pve.addVm({ vmid: 200, status: "running", agent: true });
        await using sshd = await startSshd();
        const path = `${pve.binDirectory}:/usr/sbin:/usr/bin:/sbin:/bin`;
        const isAsked = way === "password";
        await using _ = await Sudoers.allow(
          sshd,
          `Defaults:USER secure_path="${path}"`,
          `USER ALL=(root) ${isAsked ? "" : "NOPASSWD: "}ALL`,
        );
        await using server = await connectTo(sshd, dir, {
          ENABLE_PROXMOX: "true",
          ...(isAsked ? { SUDO_PASSWORD: sshd.password ?? "" } : { SUDO: "true" }),
        });
        const call = async (name: string, args: Readonly<Record<string, unknown>> = {}) => {
          const { data, isError, text } = await server.call(name, args);
          assert.equal(isError, false, `${name}: ${text}`);
          return data;
        };
        assert.deepEqual((await call("proxmox_list_containers")).containers, [
          { ctid: 101, status: "running", name: "web", addresses: ["192.0.2.101"] },
        ]);
        const exec = { ctid: 101, command: "id -u; cat /etc/hostname; cat" };
        assert.equal((await call("proxmox_container_exec_command", exec)).stdout, "0\nweb\n");
        const inVm = { vmid: 200, command: "echo in the VM" };
        assert.equal((await call("proxmox_vm_exec_command", inVm)).stdout, "in the VM\n");
        assert.deepEqual((await call("proxmox_node_status")).unread, undefined);
        assert.equal((await call("proxmox_list_networks")).warnings, undefined);
        const usage = await call("proxmox_resource_usage");
        assert.deepEqual(
          [usage.containers, usage.nodes].map((rows) => Array.isArray(rows) && rows.length),
          [1, 1],
        );
        await call("proxmox_set_container", { ctid: 101, settings: { cores: 1 } });
        await call("proxmox_create_snapshot", { ctid: 101, snapshot: "before" });
        await call("proxmox_shutdown_container", { ctid: 101 });
        await call("proxmox_start_container", { ctid: 101 });
        await Deno.writeTextFile(`${dir}/app.conf`, "port=1\n");
        const file = { ctid: 101, local_path: "app.conf", container_path: "/etc/app.conf" };
        await call("proxmox_upload_file_to_container", file);
        const edit = { path: "/etc/app.conf", ctid: 101, check: "grep -q port=2 /etc/app.conf" };
        const edits = [{ old_text: "port=1", new_text: "port=2" }];
        assert.equal((await call("ssh_edit_file", { ...edit, edits })).changed, true);
        assert.equal(Deno.readTextFileSync(`${pve.rootfs(101)}/etc/app.conf`), "port=2\n");
        await call("proxmox_download_file_from_container", { ...file, local_path: "back" });
        assert.equal(Deno.readTextFileSync(`${dir}/back`), "port=2\n");
        const template = await pve.addTemplate();
        const made = { template, ctid: 105, hostname: "new", password: "hunter22", start: false };
        await call("proxmox_create_container", made);
        assert.equal((await pve.state(105))?.passwordHash?.length, 64);
        await call("proxmox_destroy_container", { ctid: 105, confirm_name: "new" });
        const missing = await server.call("proxmox_container_status", { ctid: 999 });
        assert.equal(missing.data.error, "Container 999 not found");
        // A timeout stops the command inside the container too.
        const tag = newTag();
        const running = server.call("proxmox_container_exec_command", {
          ...{ ctid: 101, command: tagged(tag, "sleep 4000 | cat"), timeout: 20 },
        });
        await untilSleeping(tag);
        assert.deepEqual((await running).data.process_ended, true);
        await untilGone(tag);
        await server.end();
      } finally {
        await pve.close();
        await Deno.remove(dir, { recursive: true });
      }
    },
  });
}
