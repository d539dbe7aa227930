/** Lists of a large node cost few round trips: on a slow link these are the time. */
import assert from "node:assert/strict";
import { startDelayProxy } from "../../peers/delay_proxy.ts";
import { connectTo } from "../../peers/openssh.ts";
import { CONTAINERS, peerTest, SSHD } from "../../peers/require.ts";
import { type FakeProxmox, installProxmox } from "../../fakes/proxmox/install.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { startSshdFor } from "../node.ts";

const GUESTS = 200;

/** Adds containers of which one in a hundred runs: asking each for its address costs time, and no round trip. */
async function addMany(pve: FakeProxmox): Promise<void> {
  for (let id = 1000; id < 1000 + GUESTS; id++) {
    const directory = `${pve.stateDirectory}/guests/${id}`;
    await Deno.mkdir(directory);
    const state = {
      ...{ id, kind: "lxc", node: "pve", status: id % 100 === 0 ? "running" : "stopped" },
      ...{ config: { net0: "name=eth0,bridge=vmbr0,ip=dhcp" }, snapshots: [], pending: {} },
    };
    await Deno.writeTextFile(`${directory}/state.json`, JSON.stringify(state));
  }
}

peerTest({
  name: "the lists of 200 containers and their usage take at most three round trips each",
  peer: [SSHD, ...CONTAINERS],
  async fn() {
    const pve = await installProxmox();
    try {
      await addMany(pve);
      await using sshd = await startSshdFor(pve);
      await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 10 });
      using dir = temporaryDirectory();
      await using server = await connectTo(sshd, dir.path, {
        ENABLE_PROXMOX: "true",
        CHARACTER_LIMIT: "1000000",
        SSH_PORT: String(proxy.port),
        SSH_STRICT_HOST_KEY_CHECKING: "false",
      });
      await server.call("ssh_exec_command", { command: "true" });
      for (const tool of ["proxmox_list_containers", "proxmox_resource_usage"]) {
        // The guard and ssh2 may send something meanwhile, so the best of some counts.
        const flights: number[] = [];
        for (let n = 0; n < 10 && !flights.some((each) => each <= 6); n++) {
          const before = proxy.traffic().flights;
          const { data, text } = await server.call(tool);
          flights.push(proxy.traffic().flights - before);
          assert.equal((data.containers as unknown[]).length, GUESTS, text);
        }
        assert.ok(Math.min(...flights) <= 6, `${tool}: ${flights}`);
      }
    } finally {
      await pve.close();
    }
  },
});
