/**
 * Kills the server, or its SSH connections, in the middle of each long step of a guest's life, in the words of
 * Proxmox VE 7.4, 8.4 and 9.2, and then asks a new server what is left:
 *
 *   MRE_BINARY=dist/mcp-remote-exec deno run -A --config deno.json tests/by_hand/guest_kills.ts
 *
 * A step that was answered as a job ends as if nothing had happened. Any other leaves nothing, or a guest whose
 * configuration shows the lock; following the advice of the refused destruction removes it.
 */
import { line } from "../demo/print.ts";
import type { FakeProxmox, Version } from "../fakes/proxmox/install.ts";
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

interface Story extends LongStep {
  /** The guests that may be left, and whose state is shown. */
  readonly guests: readonly (readonly ["container" | "vm", number])[];
}

const hasDisk = (id: number) => async (pve: FakeProxmox): Promise<boolean> =>
  (await pve.disks()).some((name) => name.startsWith(`vm-${id}-`));

const isLocked = (id: number) => async (pve: FakeProxmox): Promise<boolean> =>
  (await pve.state(id))?.lock !== undefined;

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
  for (const container of [web, gone]) await pve.addContainer(container);
  await using server = await connect();
  const { volid } = succeeded(
    await server.call("proxmox_backup", { vmid: next, storage: "local" }),
  );
  const name = "alpine-3.20-default_20240908_amd64.tar.xz";
  const old = `${pve.stateDirectory}/template/cache/${name}`;
  await Deno.remove(old).catch(() => {});
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
    const lock = await cleanUp(stage, kind, id);
    left.push(existed ? lock === undefined ? "a guest without lock" : `lock ${lock}` : "nothing");
  }
  return left.join(", ") || "(no guest)";
}

for (const version of [7, 8, 9] satisfies Version[]) {
  for (const [index, death] of DEATHS.entries()) {
    await using stage = await startLifeStage(version);
    for (const story of await storiesOf(stage, 200 + 100 * index)) {
      const left = await tell(stage, story, death);
      line(`Proxmox VE ${version}, ${death}: ${story.tool} left ${left}`);
    }
  }
}
