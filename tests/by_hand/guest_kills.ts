/**
 * Tells the story of a web server, then kills the server, or its SSH connections, in the middle of each long step of a
 * guest's life, in the words of Proxmox VE 7.4, 8.4 and 9.2, and asks a new server what is left:
 *
 *   MRE_BINARY=dist/mcp-remote-exec deno run -A --config deno.json tests/by_hand/guest_kills.ts
 *
 * A step that was answered as a job ends as if nothing had happened. Any other leaves nothing, or a guest whose
 * configuration shows the lock; following the advice of the refused destruction removes it.
 * A resize or a conversion has either taken effect or not, and the next look at the guest shows which.
 * A restore over a guest may leave the old disks, and a destruction the configuration without lock and disks.
 */
import { line } from "../demo/print.ts";
import type { FakeProxmox, Version } from "../fakes/proxmox/install.ts";
import { processesLike } from "../proxmox/node.ts";
import {
  cleanUp,
  creationOf,
  type Death,
  DEATHS,
  dieWithin,
  type LifeStage,
  type LongStep,
  startLifeStage,
  succeeded,
} from "../whole/guest_life.ts";
import { webServerStory } from "../whole/web_server_story.ts";

interface Story extends LongStep {
  /** The guests that may be left, and whose state is shown. */
  readonly guests: readonly (readonly ["container" | "vm", number])[];
  /** The disk of the replaced guest may be left without a guest. */
  readonly replaces?: true;
}

const hasDisk = (id: number, disk?: number) => async (pve: FakeProxmox): Promise<boolean> =>
  (await pve.disks()).some((name) => name.startsWith(`vm-${id}-disk-${disk ?? ""}`));

const isLocked = (id: number) => async (pve: FakeProxmox): Promise<boolean> =>
  (await pve.state(id))?.lock !== undefined;

/** The worker of a command, which in Proxmox VE 7 is the program itself for the disk of a VM. */
const hasWorker = (command: string, id: number) => ({ stateDirectory }: FakeProxmox) =>
  Promise.resolve(
    processesLike(
      new RegExp(`${stateDirectory}/pve\\.cjs (internal worker \\d+ )?${command} ${id} `),
    )
      .length > 0,
  );

async function hasPartialTemplate({ stateDirectory }: FakeProxmox): Promise<boolean> {
  const folder = `${stateDirectory}/template/cache`;
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name).catch(() => []);
  return names.some((name) => name.includes(".tmp_dwnl."));
}

/** Each long step. `next` is an ID that no other step uses. */
async function storiesOf({ pve, connect }: LifeStage, next: number): Promise<Story[]> {
  const template = await pve.addTemplate();
  const image = await pve.addImage("noble.img");
  const web = { ctid: next, hostname: "web", status: "stopped" } as const;
  const gone = { ctid: next + 1, hostname: "gone", status: "stopped" } as const;
  const running = { ctid: next + 16, hostname: "busy", status: "running" } as const;
  const old = { ctid: next + 6, hostname: "old", status: "stopped" } as const;
  for (const container of [web, gone, old, running]) await pve.addContainer(container);
  for (const vmid of [next + 7, next + 8]) {
    await pve.addVm({ vmid, name: "base", status: "stopped" });
  }
  await using server = await connect();
  await pve.addContainer({ ctid: next + 10, hostname: "grown", status: "stopped" });
  await pve.addContainer({ ctid: next + 11, hostname: "mold", status: "stopped" });
  for (const vmid of [next + 12, next + 13, next + 14, next + 17, next + 18]) {
    await pve.addVm({ vmid, name: "base", status: "stopped" });
  }
  const backup = async (vmid: number) =>
    succeeded(await server.call("proxmox_backup", { vmid, storage: "local" })).volid;
  const [volid, ofOld] = [await backup(web.ctid), await backup(old.ctid)];
  succeeded(await server.call("proxmox_create_vm_snapshot", { vmid: next + 18, snapshot: "two" }));
  const ofVm = await backup(next + 14);
  const name = "alpine-3.20-default_20240908_amd64.tar.xz";
  await Deno.remove(`${pve.stateDirectory}/template/cache/${name}`).catch(() => {});
  return [
    {
      tool: "proxmox_download_template",
      args: { template: name },
      isUnderWay: hasPartialTemplate,
      guests: [],
    },
    { ...creationOf(next + 2, template), guests: [["container", next + 2]] },
    {
      tool: "proxmox_create_vm",
      args: { vmid: next + 3, name: "app", image, start: false },
      isUnderWay: hasDisk(next + 3),
      guests: [["vm", next + 3]],
    },
    {
      tool: "proxmox_clone_container",
      args: { ctid: next, new_id: next + 4, name: "copy" },
      isUnderWay: hasDisk(next + 4),
      guests: [["container", next + 4]],
    },
    {
      tool: "proxmox_restore_backup",
      args: { backup: volid, ctid: next + 5 },
      isUnderWay: hasDisk(next + 5),
      guests: [["container", next + 5]],
    },
    {
      tool: "proxmox_restore_backup",
      args: { backup: ofOld, ctid: old.ctid, overwrite: true, confirm_name: "old" },
      isUnderWay: hasDisk(old.ctid, 1),
      replaces: true,
      guests: [["container", old.ctid]],
    },
    {
      tool: "proxmox_restore_backup",
      args: { backup: ofVm, vmid: next + 15 },
      isUnderWay: hasDisk(next + 15),
      guests: [["vm", next + 15]],
    },
    {
      tool: "proxmox_restore_backup",
      args: { backup: ofVm, vmid: next + 14, overwrite: true, confirm_name: "base" },
      isUnderWay: isLocked(next + 14),
      replaces: true,
      guests: [["vm", next + 14]],
    },
    {
      tool: "proxmox_resize_container",
      args: { ctid: next + 10, disk: "rootfs", size: "+1G" },
      isUnderWay: hasWorker("pct resize", next + 10),
      guests: [["container", next + 10]],
    },
    {
      tool: "proxmox_resize_vm",
      args: { vmid: next + 12, disk: "scsi0", size: "+1G" },
      isUnderWay: hasWorker("qm resize", next + 12),
      guests: [["vm", next + 12]],
    },
    {
      tool: "proxmox_convert_container_to_template",
      args: { ctid: next + 11 },
      isUnderWay: hasWorker("pct template", next + 11),
      guests: [["container", next + 11]],
    },
    {
      tool: "proxmox_convert_vm_to_template",
      args: { vmid: next + 13 },
      isUnderWay: hasWorker("qm template", next + 13),
      guests: [["vm", next + 13]],
    },
    {
      tool: "proxmox_create_vm_snapshot",
      args: { vmid: next + 17, snapshot: "one" },
      isUnderWay: isLocked(next + 17),
      guests: [["vm", next + 17]],
    },
    {
      tool: "proxmox_rollback_vm_snapshot",
      args: { vmid: next + 18, snapshot: "two" },
      isUnderWay: isLocked(next + 18),
      guests: [["vm", next + 18]],
    },
    {
      tool: "proxmox_shutdown_container",
      args: { ctid: running.ctid },
      isUnderWay: hasWorker("pct shutdown", running.ctid),
      guests: [],
    },
    {
      tool: "proxmox_clone_vm",
      args: { vmid: next + 7, new_id: next + 9, name: "copy" },
      isUnderWay: hasDisk(next + 9),
      guests: [["vm", next + 9]],
    },
    {
      tool: "proxmox_destroy_vm",
      args: { vmid: next + 8, confirm_name: "base" },
      isUnderWay: async (pve) => !await hasDisk(next + 8)(pve),
      guests: [["vm", next + 8]],
    },
    {
      tool: "proxmox_backup",
      args: { vmid: next + 1, storage: "local" },
      isUnderWay: isLocked(next + 1),
      guests: [],
    },
    {
      tool: "proxmox_destroy_container",
      args: { ctid: next + 1, confirm_name: "gone" },
      isUnderWay: async (pve) => !await hasDisk(next + 1)(pve),
      guests: [["container", next + 1]],
    },
  ];
}

async function tell(stage: LifeStage, story: Story, death: Death): Promise<string> {
  await dieWithin(stage, story, death);
  const left: string[] = [];
  for (const [kind, id] of story.guests) {
    const existed = await stage.pve.state(id) !== undefined;
    if (!existed && story.replaces) left.push(await freeOldDisks(stage, id));
    const lock = await cleanUp(stage, kind, id);
    left.push(existed ? lock === undefined ? "a guest without lock" : `lock ${lock}` : "nothing");
  }
  return left.join(", ") || "(no guest)";
}

async function freeOldDisks({ pve, connect }: LifeStage, id: number): Promise<string> {
  const names = (await pve.disks()).filter((name) => name.startsWith(`vm-${id}-`));
  await using server = await connect();
  for (const name of names) {
    const command = `pvesm free local-lvm:${name}`;
    succeeded(await server.call("ssh_exec_command", { command }));
  }
  return `old disks: ${names.join(" ") || "none"}`;
}

for (const version of [7, 8, 9] satisfies Version[]) {
  await webServerStory(version);
  line(`Proxmox VE ${version}: the story of the web server is complete`);
  for (const [index, death] of DEATHS.entries()) {
    await using stage = await startLifeStage(version);
    for (const story of await storiesOf(stage, 200 + 100 * index)) {
      const left = await tell(stage, story, death);
      line(`Proxmox VE ${version}, ${death}: ${story.tool} left ${left}`);
    }
  }
}
