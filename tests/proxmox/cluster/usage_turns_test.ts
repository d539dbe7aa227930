/** Lists of a large node cost few round trips: on a slow link these are the time. */
import assert from "node:assert/strict";
import { startDelayProxy } from "../../peers/delay_proxy.ts";
import { connectTo } from "../../peers/openssh.ts";
import { CONTAINERS, peerTest, SSHD } from "../../peers/require.ts";
import { installProxmox } from "../../fakes/proxmox/install.ts";
import { addManyContainers } from "../../fakes/proxmox/many.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { startSshdFor } from "../node.ts";

const GUESTS = 200;

peerTest({
  name: "the lists of 200 containers and their usage take at most three round trips each",
  peer: [SSHD, ...CONTAINERS],
  async fn() {
    const pve = await installProxmox();
    try {
      await addManyContainers(pve, GUESTS);
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
        // The guard may send something meanwhile, and how the channel is closed may add a turn that no call waits
        // for, so the best of some counts.
        const flights: number[] = [];
        for (let n = 0; n < 30 && !flights.some((each) => each <= 6); n++) {
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
