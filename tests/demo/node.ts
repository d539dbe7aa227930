import { type FakeProxmox, installProxmox } from "../fakes/proxmox/install.ts";
import { findOnPath } from "../fakes/proxmox/rootfs.ts";
import { type Extras, LeftOut } from "./tour.ts";

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

/** Returns a node with one running container, or why it cannot be started. */
export async function startContainer(
  ctid: number,
): Promise<{ readonly node?: FakeProxmox; readonly reason?: string }> {
  try {
    const node = await startNode();
    await node.addContainer({ ctid, hostname: "web", status: "running" });
    return { node };
  } catch (error) {
    if (!(error instanceof LeftOut)) throw error;
    return { reason: error.message };
  }
}

/** Returns the variables of host and server for a node; empty without a node. */
export const containerVariables = (node: FakeProxmox | undefined) =>
  ({
    host: node === undefined ? {} : { env: { PATH: node.binDirectory } },
    env: node === undefined ? {} : { ENABLE_PROXMOX: "true" },
  }) satisfies Extras;
