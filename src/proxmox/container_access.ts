import type { Endpoint } from "../ssh/port.ts";

/** What the Proxmox slice offers to slices that move files into containers and out of them. */
export interface ContainerAccess {
  endpoint(ctid: number, path: string): Endpoint;
  /**
   * Returns the reason of a failed transfer if it is the container, for example that it does not exist;
   * otherwise returns the error unchanged.
   */
  problem(ctid: number, error: unknown, signal: AbortSignal): Promise<unknown>;
}

/** Calls {@linkcode ContainerAccess.problem}; without a container returns the error unchanged. */
export async function explained(
  containers: ContainerAccess | undefined,
  ctid: number | undefined,
  error: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  if (ctid === undefined || containers === undefined) return error;
  return await containers.problem(ctid, error, signal);
}
