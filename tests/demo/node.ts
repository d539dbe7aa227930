import { type FakeProxmox, installProxmox } from "../fakes/proxmox/install.ts";
import { findOnPath } from "../fakes/proxmox/rootfs.ts";
import { LeftOut } from "./tour.ts";

/** A Proxmox VE node without containers. Close it. @throws LeftOut where none can be made */
export async function startNode(): Promise<FakeProxmox> {
  if (Deno.build.os !== "linux") throw new LeftOut("containers are to be had on Linux only");
  if (await findOnPath("node") === undefined) throw new LeftOut("no node on the PATH");
  const node = await installProxmox();
  if (node.isolation !== "none") return node;
  await node.close();
  throw new LeftOut(
    "this user may make no namespaces here, so a container could not be kept apart from this machine",
  );
}
