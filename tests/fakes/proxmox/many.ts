import type { FakeProxmox } from "./install.ts";

/**
 * Adds containers without files or processes, with IDs from 1000 on. One in a hundred counts as running: asking each
 * for its address costs processor time and no round trip.
 */
export async function addManyContainers(pve: FakeProxmox, count: number): Promise<void> {
  for (let id = 1000; id < 1000 + count; id++) {
    const directory = `${pve.stateDirectory}/guests/${id}`;
    await Deno.mkdir(directory);
    const state = {
      ...{ id, kind: "lxc", node: "pve", status: id % 100 === 0 ? "running" : "stopped" },
      ...{ config: { net0: "name=eth0,bridge=vmbr0,ip=dhcp" }, snapshots: [], pending: {} },
    };
    await Deno.writeTextFile(`${directory}/state.json`, JSON.stringify(state));
  }
}
